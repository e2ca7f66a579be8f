"""The scenes of balloons: outlines, what stands where, and the picture with its truth."""
