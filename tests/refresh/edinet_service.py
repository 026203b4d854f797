"""A stand-in for EDINET, on this machine: it answers as the service documents, from twenty real filings.

`documents.json` and the filings are those of `tests/refresh/edinet` (real, cut: see its README). Faults are switched on by
the test: `faults[name]` is a function of the number of times that the name was asked for, which returns what to answer
instead, or None.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections import Counter
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KEY = "a-key-that-nobody-may-see"
REFUSED = {"StatusCode": 401, "message": "Access denied due to invalid subscription key."}
