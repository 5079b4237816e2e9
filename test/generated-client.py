"""Runs the flow of the original's Developer Guide with a client generated from the broker's own document.

Usage: python3 generated-client.py URL CA_FILE CLIENT_ID CLIENT_PASSWORD
The generated package must be on PYTHONPATH. Prints what was answered, as JSON.
"""

import base64
import json
import sys
import time

import urllib3

import swagger_client
from swagger_client import models

URL, CA_FILE, CLIENT_ID, CLIENT_PASSWORD = sys.argv[1:5]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PERMISSIONS = base64.b64encode(b"[permissions]\n%owner% allow builtin\n").decode()


def get_token():
    credentials = base64.b64encode(f"{CLIENT_ID}:{CLIENT_PASSWORD}".encode()).decode()
    answer = urllib3.PoolManager(ca_certs=CA_FILE).request(
        "POST",
        f"{URL}/oauth2/token?grant_type=client_credentials",
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"},
    )
    return json.loads(answer.data)["access_token"]


def connect(token):
    configuration = swagger_client.Configuration(host=URL)
    configuration.access_token = token
    configuration.ssl_ca_cert = CA_FILE
    return swagger_client.ApiClient(configuration)


def create_sessions(sessions):
    wishes = [
        models.CreateSessionRequestData(
            name="console", owner="alice", type="CONSOLE", max_concurrent_clients=1, permissions_file=PERMISSIONS,
            requirements="tag:dcv:os-family = 'linux' and server:Host.Memory.TotalBytes > 1024E6",
        ),
        models.CreateSessionRequestData(
            name="autorun", owner="bob", type="VIRTUAL", autorun_file="start.sh", dcv_gl_enabled=False,
        ),
        models.CreateSessionRequestData(
            name="init", owner="carol", type="VIRTUAL", init_file="init.sh", autorun_file="start.sh",
            autorun_file_arguments=["one", "two"],
        ),
    ]
    return sessions.create_sessions(body=wishes)


def wait_until_ready(sessions, ids):
    deadline = time.monotonic() + 60
    while True:
        request = models.DescribeSessionsRequestData(session_ids=ids)
        described = sessions.describe_sessions(body=request).sessions
        if all(session.state == "READY" for session in described) or time.monotonic() > deadline:
            return described
        time.sleep(0.2)


def describe_by(sessions, key, value):
    request = models.DescribeSessionsRequestData(filters=[models.KeyValuePair(key=key, value=value)])
    return [session.id for session in sessions.describe_sessions(body=request).sessions]


def page_servers(servers):
    pages, token = [], None
    while True:
        request = models.DescribeServersRequestData(max_results=2, next_token=token)
        answer = servers.describe_servers(body=request)
        pages.append([server.id for server in answer.servers])
        token = answer.next_token
        if token is None:
            return pages


def session_url(data):
    server = data.session.server
    return f"https://{server.ip}:{server.port}{server.web_url_path}?authToken={data.connection_token}#{data.session.id}"


def failures(answer):
    return [item.to_dict() for item in answer.unsuccessful_list]


def main():
    client = connect(get_token())
    sessions, servers = swagger_client.SessionsApi(client), swagger_client.ServersApi(client)
    created = create_sessions(sessions)
    ids = [session.id for session in created.successful_list]
    described = wait_until_ready(sessions, ids)
    first = ids[0]
    data = swagger_client.GetSessionConnectionDataApi(client).get_session_connection_data(first, "alice")
    pictures = sessions.get_session_screenshots(
        body=[models.GetSessionScreenshotRequestData(session_id=each, max_width=320) for each in (first, UNKNOWN)]
    )
    permitted = swagger_client.SessionPermissionsApi(client).update_session_permissions(
        body=[models.UpdateSessionPermissionsRequestData(session_id=first, owner="alice", permissions_file=PERMISSIONS)]
    )
    server = servers.describe_servers().servers[0].id
    closed = servers.close_servers(
        body=[models.CloseServerRequestData(server_id=each, force=True) for each in (server, UNKNOWN)]
    )
    unavailable = servers.describe_servers(body=models.DescribeServersRequestData(server_ids=[server])).servers[0]
    opened = servers.open_servers(body=[models.OpenServerRequestData(server_id=each) for each in (server, UNKNOWN)])
    by_owner = describe_by(sessions, "owner", "bob")
    by_tag = describe_by(sessions, "tag:dcv:os-family", "linux")
    deleted = sessions.delete_sessions(
        body=[
            models.DeleteSessionRequestData(session_id=each, owner=owner)
            for each, owner in [*zip(ids, ["alice", "bob", "carol"]), (UNKNOWN, "alice")]
        ]
    )
    result = {
        "ids": ids,
        "creating": [[session.name, session.owner, session.type, session.state] for session in created.successful_list],
        "not_created": failures(created),
        "states": {session.id: session.state for session in described},
        "created_in": described[0].creation_time.year,
        "by_owner": by_owner,
        "by_tag": by_tag,
        "pages": page_servers(servers),
        "memory": servers.describe_servers().servers[0].host.memory.total_bytes,
        "url": session_url(data),
        "pictures": [picture.session_screenshot.to_dict() for picture in pictures.successful_list],
        "no_pictures": failures(pictures),
        "permitted": [item.session_id for item in permitted.successful_list],
        "server": server,
        "closed": [item.server_id for item in closed.successful_list],
        "not_closed": failures(closed),
        "unavailable": [unavailable.availability, unavailable.unavailability_reason],
        "opened": [item.server_id for item in opened.successful_list],
        "not_opened": failures(opened),
        "deleted": [[item.session_id, item.state] for item in deleted.successful_list],
        "not_deleted": failures(deleted),
    }
    print(json.dumps(result, default=str))


main()
