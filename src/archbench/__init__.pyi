"""What `archbench` gives to a notebook, for those who read types: at run time each is imported when it is asked for."""

from archbench.notebook.listing import catalogue as catalogue
from archbench.notebook.listing import dataset as dataset
from archbench.notebook.listing import network as network
from archbench.notebook.listing import optimizer as optimizer
from archbench.notebook.probing import probe as probe
from archbench.notebook.project import check as check
from archbench.notebook.project import inspect as inspect
from archbench.notebook.project import plan as plan
from archbench.notebook.project import plugin as plugin
from archbench.notebook.project import report as report
from archbench.notebook.runs import compare as compare
from archbench.notebook.runs import load_run as load_run
from archbench.notebook.runs import results as results
from archbench.notebook.training import sweep as sweep
from archbench.notebook.training import train as train

__all__ = [
    "catalogue", "check", "compare", "dataset", "inspect", "load_run", "network", "optimizer", "plan", "plugin",
    "probe", "report", "results", "sweep", "train",
]  # fmt: skip
