"""The scoreboard as Python's own SimpleXMLRPCServer serves it: what the gateway of a node is measured against.

    python3 scoreboard.py PASSWORD       prints its port
"""
import sys
import threading
from socketserver import ThreadingMixIn
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

password = sys.argv[1]
scores = {}
lock = threading.Lock()


class Handler(SimpleXMLRPCRequestHandler):
    protocol_version = "HTTP/1.1"  # Keeps connections open, as the load does.


class Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True


def get_score(event):
    with lock:
        return scores.get(event.lower(), "")


def set_score(event, score, given):
    if given != password:
        return "Error: the password is wrong."
    with lock:
        scores[event.lower()] = score
    return True


server = Server(("127.0.0.1", 0), Handler, logRequests=False)
server.register_function(get_score)
server.register_function(set_score)
print(server.server_address[1], flush=True)
server.serve_forever()
