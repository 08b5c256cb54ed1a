"""Where Haven is put together and deployed: settings, wiring, command line, servers, demo."""
