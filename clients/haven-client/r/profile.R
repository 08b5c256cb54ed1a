# What every R in a workspace starts with, in place of the machine's and of the home's own profiles (R_PROFILE):
# the functions of haven.R are at hand, behind the packages that are attached later.
local({
  here <- dirname(Sys.getenv("R_PROFILE"))
  Sys.unsetenv("LD_LIBRARY_PATH") # R's own, and R has started: what it starts, Python above all, has other libraries
  sys.source(file.path(here, "haven.R"), envir = attach(NULL, name = "haven"))
})
