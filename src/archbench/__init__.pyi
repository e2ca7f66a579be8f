"""What `archbench` gives to a notebook, for those who read types: at run time each is imported when it is asked for."""

from archbench.notebook.listing import catalogue as catalogue
from archbench.notebook.listing import dataset as dataset
from archbench.notebook.listing import network as network
from archbench.notebook.listing import optimizer as optimizer
from archbench.notebook.runs import compare as compare
from archbench.notebook.runs import load_run as load_run
from archbench.notebook.runs import results as results
from archbench.notebook.training import sweep as sweep
from archbench.notebook.training import train as train

__all__ = ["catalogue", "compare", "dataset", "load_run", "network", "optimizer", "results", "sweep", "train"]
