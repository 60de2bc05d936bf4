"""Many connections at once, whatever limit the shell sets that starts the daemon."""

import socket

import conftest


def test_more_connections_than_a_shell_allows_files(new_cloud):
    cloud = new_cloud()
    conftest.run(["bash", "-c", f"ulimit -Sn 128; '{conftest.PROGRAM}' up"], cloud.base, cloud.folder)
    held = []
    try:
        for _ in range(400):
            held.append(socket.create_connection(("127.0.0.1", cloud.port), timeout=10))
            held[-1].sendall(b"GET /storage/v1/b?project=p HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert held[-1].recv(64).startswith(b"HTTP/1.1 401")
    finally:
        for connection in held:
            connection.close()
