"""Lab's page, with one line of ours: what leads to the hub goes there in the same window.

Lab opens the hub's pages ("Restart" when its server is gone, "Hub Control Panel") in new windows, and the edge's
content policy lets a workspace's page open none. Lab has one folder of templates and names its scripts by their
digests; so its own page is copied at each start, with the line put in. Without a place for it, the page stays as it is.
"""

from pathlib import Path

from jupyterlab.commands import get_app_dir

PAGE = "index.html"
HEAD = '<meta charset="utf-8">'
SAME_WINDOW = """<script>(function () {
  var open = window.open;
  window.open = function (address) {
    var place = new URL(address, window.location.href);
    if (place.origin !== window.location.origin || !place.pathname.startsWith("{{ page_config.hubPrefix }}")) {
      return open.apply(window, arguments);
    }
    window.location.assign(place.href);
    return null;
  };
})();</script>"""

folder = Path("/tmp/lab-page")  # noqa: S108 - the workspace's own
folder.mkdir(exist_ok=True)
original = (Path(get_app_dir()) / "static" / PAGE).read_text(encoding="utf-8")
(folder / PAGE).write_text(original.replace(HEAD, HEAD + SAME_WINDOW, 1), encoding="utf-8")

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - traitlets puts it here
c.LabApp.templates_dir = str(folder)
c.LabApp.labextensions_path = []  # the edge closes the route by which they would be loaded
