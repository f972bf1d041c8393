"""An example of a plug-in for GVSC: one file for each thing that it adds."""
