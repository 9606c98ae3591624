"""The stand-in hub's repositories: its answers at /owner/name/resolve/ and /api/models/."""

import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import unquote

from support.server import Reply, Request, ServedFile, serve_file

TOKEN = "hf_standin"  # opens the gated repositories
SIGNATURE = "Signature=standin"  # in the query of each redirect; the cdn refuses others


@dataclass
class Repo:
    """A model repository: its revisions and, for each commit, its files by name."""

    name: str
    gated: bool = False
    revisions: dict[str, str] = field(default_factory=dict)  # branch or tag -> commit
    commits: dict[str, dict[str, ServedFile]] = field(default_factory=dict)


def answer_repo(repos: dict[str, Repo], request: Request, cdn_url: str) -> Reply:
    """The reply to a request on the hub's own origin."""
    path = request.path.partition("?")[0]
    match [unquote(part) for part in path.split("/")]:
        case ["", owner, name, "resolve", revision, *parts] if parts:
            what = "resolve"
        case ["", "api", "models", owner, name]:
            what, revision = "revision", "main"
        case ["", "api", "models", owner, name, "revision" | "tree" as what, revision]:
            pass
        case _:
            return refuse(404, None, "Not Found")
    repo = repos.get(f"{owner}/{name}")
    if repo is None:
        return refuse(404, "RepoNotFound", "Repository not found")
    commit = repo.revisions.get(revision, revision)
    if commit not in repo.commits:
        return refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    if what == "resolve":
        reply = _resolve(repo, repo.commits[commit].get("/".join(parts)), request, cdn_url)
        reply.headers["X-Repo-Commit"] = commit
        return reply
    return _describe(repo, commit, whole=what == "revision")


def answer_file(file: ServedFile, request: Request, cdn_url: str) -> Reply:
    """The file or a range of it, or the redirect to it."""
    if not file.redirect:
        return serve_file(file, request)
    location = f"{cdn_url}{file.cdn_address}?{SIGNATURE}"
    return Reply(302, {"Location": location}, content=b"Found", file=file)


def refuse(status: int, error_code: str | None, message: str) -> Reply:
    """An error as the hub reports it."""
    headers = {"X-Error-Message": message, "Content-Type": "application/json"}
    if error_code:
        headers["X-Error-Code"] = error_code
    return Reply(status, headers, content=json.dumps({"error": message}).encode())


def _resolve(repo: Repo, file: ServedFile | None, request: Request, cdn_url: str) -> Reply:
    if repo.gated and request.authorization != f"Bearer {TOKEN}":
        return refuse(401, "GatedRepo", f"Access to model {repo.name} is restricted")
    if file is None:
        return refuse(404, "EntryNotFound", "Entry not found")
    reply = answer_file(file, request, cdn_url)
    if file.redirect:
        pointer_etag = hashlib.sha1(file.etag.encode()).hexdigest()
        reply.headers |= {
            "X-Linked-Etag": f'"{file.etag}"',
            "X-Linked-Size": str(file.size),
            "ETag": f'"{pointer_etag}"',  # of the entry in git, not of the file itself
            "Accept-Ranges": "bytes",
        }
    return reply


def _describe(repo: Repo, commit: str, whole: bool) -> Reply:
    files = repo.commits[commit]
    if whole:
        facts = {
            "id": repo.name,
            "sha": commit,
            "private": False,
            "gated": "manual" if repo.gated else False,
            "tags": [],
            "siblings": [{"rfilename": name, "size": file.size} for name, file in files.items()],
        }
    else:
        facts = [
            {"type": "file", "path": name, "size": file.size, "oid": file.etag[:40]}
            for name, file in files.items()
        ]
    headers = {"Content-Type": "application/json", "X-Repo-Commit": commit}
    return Reply(200, headers, content=json.dumps(facts).encode())
