"""The contract says what each of its elements means, and its stubs are what it generates."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from generate_stubs import ROOT, generate, run_protoc
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

# Where an element stands in its file: field numbers and indexes in turn (SourceCodeInfo.Location.path).
Location: TypeAlias = tuple[int, ...]
Element: TypeAlias = tuple[str, Location]
SYNTAX: Location = (FileDescriptorProto.SYNTAX_FIELD_NUMBER,)


def test_the_stubs_are_what_the_contract_generates(tmp_path: Path) -> None:
    generate(tmp_path)
    fresh = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*_pb2*.py*")}
    assert fresh
    assert {path.relative_to(ROOT) for path in ROOT.rglob("*_pb2*.py*") if "__pycache__" not in path.parts} == set(
        fresh
    )
    stale = [str(path) for path, stub in fresh.items() if (ROOT / path).read_bytes() != stub]
    assert stale == [], "run `make proto`"


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """The contract as protoc describes it, its comments included."""
    described = tmp_path_factory.mktemp("contract") / "described"
    run_protoc("--include_source_info", f"--descriptor_set_out={described}")
    return FileDescriptorSet.FromString(described.read_bytes())


def test_every_element_of_the_contract_is_commented(described: FileDescriptorSet) -> None:
    uncommented = []
    for file in described.file:
        commented = {tuple(at.path) for at in file.source_code_info.location if at.leading_comments.strip()}
        uncommented += [f"{file.name}: {name}" for name, location in elements(file) if location not in commented]
    assert len(described.file) == len(list(ROOT.glob("magistrate/v1/*.proto")))
    assert uncommented == []


def elements(file: FileDescriptorProto) -> Iterator[Element]:
    """The file itself, and all that it declares, with where each stands."""
    yield file.name, SYNTAX
    for index, message in enumerate(file.message_type):
        yield from of_message(message, (file.MESSAGE_TYPE_FIELD_NUMBER, index))
    for index, enum in enumerate(file.enum_type):
        yield from of_enum(enum, (file.ENUM_TYPE_FIELD_NUMBER, index))
    for index, service in enumerate(file.service):
        yield from of_service(service, (file.SERVICE_FIELD_NUMBER, index))


def of_message(message: DescriptorProto, at: Location) -> Iterator[Element]:
    """A message, its fields, its choices and what is declared in it; the entries of a map are protoc's own."""
    if message.options.map_entry:
        return
    yield message.name, at
    for index, field in enumerate(message.field):
        yield f"{message.name}.{field.name}", (*at, message.FIELD_FIELD_NUMBER, index)
    for index, choice in enumerate(message.oneof_decl):
        yield f"{message.name}.{choice.name}", (*at, message.ONEOF_DECL_FIELD_NUMBER, index)
    for index, nested in enumerate(message.nested_type):
        yield from of_message(nested, (*at, message.NESTED_TYPE_FIELD_NUMBER, index))
    for index, enum in enumerate(message.enum_type):
        yield from of_enum(enum, (*at, message.ENUM_TYPE_FIELD_NUMBER, index))


def of_enum(enum: EnumDescriptorProto, at: Location) -> Iterator[Element]:
    """An enum and its values."""
    yield enum.name, at
    for index, value in enumerate(enum.value):
        yield value.name, (*at, enum.VALUE_FIELD_NUMBER, index)


def of_service(service: ServiceDescriptorProto, at: Location) -> Iterator[Element]:
    """A service and its calls."""
    yield service.name, at
    for index, method in enumerate(service.method):
        yield f"{service.name}.{method.name}", (*at, service.METHOD_FIELD_NUMBER, index)
