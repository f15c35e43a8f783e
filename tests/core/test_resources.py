import json

import pytest

from muniment.core.resources import resource_root


@pytest.mark.parametrize("kind", ["schemas", "templates"])
def test_the_package_finds_what_it_ships(kind):
    assert resource_root(kind).is_dir()


def test_every_schema_is_a_schema():
    from jsonschema import Draft202012Validator

    paths = sorted(resource_root("schemas").glob("*.json"))
    assert paths
    for path in paths:
        schema = json.loads(path.read_text("utf-8"))
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema", path.name
        assert schema["$id"].startswith("https://muniment.dev/"), path.name
