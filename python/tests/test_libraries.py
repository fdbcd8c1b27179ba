"""What the start of a process costs."""

import gc
import sys
import threading
import urllib.error
import urllib.request
from dataclasses import replace

import pytest
import uvicorn
from conftest import free_port, wait_until

from mediwatch_training.errors import ModelLoadFailed
from mediwatch_training.libraries import import_ahead
from mediwatch_training.serving import api
from mediwatch_training.serving.settings import Settings


def test_what_is_imported_ahead_is_not_searched_for_garbage(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    frozen = gc.get_freeze_count()
    try:
        import_ahead("this")
        assert "this" in sys.modules
        assert gc.isenabled() and gc.get_freeze_count() > frozen
        with pytest.raises(ImportError):
            import_ahead("no_such_module")
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_the_port_opens_when_the_first_attempt_to_load_has_ended(monkeypatch):
    begun, may_end = threading.Event(), threading.Event()

    def load(_: Settings) -> None:
        begun.set()
        may_end.wait(60)
        raise ModelLoadFailed("there is none")

    monkeypatch.setattr(api, "load_served_model", load)
    monkeypatch.setattr(api, "_FIRST_SECONDS", 60)
    settings = replace(Settings.from_environment({}), port=free_port())
    server = uvicorn.Server(uvicorn.Config(api.create_app(settings), port=settings.port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"http://127.0.0.1:{settings.port}/health"
    try:
        assert begun.wait(60)
        with pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(url, timeout=5)
        may_end.set()
        wait_until(lambda: server.started, 20, "an open port")
        with pytest.raises(urllib.error.HTTPError) as answered:
            urllib.request.urlopen(url, timeout=5)
        assert answered.value.code == 503
    finally:
        may_end.set()
        server.should_exit = True
        thread.join(30)
