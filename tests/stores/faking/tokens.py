"""Access tokens that die early: each is good for so many requests, whatever was said when it was given.

Given out as Microsoft Entra does (`POST /{tenant}/oauth2/v2.0/token`); a dead one is 401.
"""

import json
import threading

from .answer import Answer, error

GOOD_FOR = 50


class Tokens:
    def __init__(self):
        self.lock = threading.Lock()
        self.left = {}
        self.refused = 0

    def answer(self, request):
        """A new token, or the refusal of a dead one; None: the request may go on."""
        with self.lock:
            if request.raw_path.endswith("/oauth2/v2.0/token"):
                name = f"token-{len(self.left) + 1}"
                self.left[name] = GOOD_FOR
                about = {"access_token": name, "token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600}
                return Answer(200, json.dumps(about), content_type="application/json")
            kind, _, name = (request.header("authorization") or "").partition(" ")
            if kind != "Bearer" or not name.startswith("token-"):
                return None
            self.left[name] = self.left.get(name, 0) - 1
            if self.left[name] >= 0:
                return None
            self.refused += 1
            return error(401, "InvalidAuthenticationInfo", "The token is dead.")
