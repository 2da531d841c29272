"""A small register of a department's staff, for the demo and for tests: a JSON file of people, each under a staff number."""

import json
from pathlib import Path

import click
from flask import Flask, Response, abort, jsonify
from waitress.server import create_server


def application(people: dict[str, object]) -> Flask:
    """GET /staff/NUMBER gives the record, or 404."""
    app = Flask(__name__)

    @app.get("/staff/<number>")
    def staff(number: str) -> Response:
        if number not in people:
            abort(404)
        return jsonify(people[number])

    return app


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--port", default=0, help="Where it listens on 127.0.0.1; 0: any free port.", show_default=True)
def main(file: Path, port: int) -> None:
    """Serves the people of FILE, until it is ended.

    Example: python -m gridecho_demo.registry staff.json --port 8099
    """
    server = create_server(application(json.loads(file.read_text(encoding="utf-8"))), host="127.0.0.1", port=port)
    click.echo(f"http://127.0.0.1:{server.effective_port}/staff/{{evidence}}")
    server.run()


if __name__ == "__main__":
    main()
