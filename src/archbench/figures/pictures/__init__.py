"""Pictures: what the predictions of a task look like. A task's picture has the task's name."""

from archbench.catalogue import Catalogue

PICTURES = Catalogue("picture", __name__)
picture = PICTURES.declare
