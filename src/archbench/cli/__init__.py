"""The command line: one module for each group of commands, none of which imports Keras before it must."""
