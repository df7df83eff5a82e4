"""Carries a compiled bundle from the process that made it to those that answer by it, in parts that load quickly.

An image is code, so whoever takes one runs what it says: it goes over the pipe between a service's own processes and is
never kept in a file or a database. Beside that the reader names nothing outside this package, whatever an image says.
"""

import io
import marshal
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, lru_cache, partial
from importlib.util import MAGIC_NUMBER
from types import FunctionType
from typing import Final

from policy_lang.bundle import Bundle
from policy_lang.compiler import Compiled, Key, Plan, plan_of
from policy_lang.compiling.inputs import writer
from policy_lang.interpreter import Interpreter
from policy_lang.reads import Reads
from policy_lang.schema import Schema
from policy_lang.source import SourceFile
from policy_lang.typed import Program, Rule
from policy_lang.values import ABSENT, BAD_VALUE, NO_ROW, NOT_GIVEN, OPTIONAL_NOT_GIVEN, TOO_DEEP, UNSET, Gap

VERSION: Final = b"magistrate image 1 " + MAGIC_NUMBER
"""What an image begins with: its format, and the Python whose code it is."""
LENGTH_BYTES: Final = 4
CARRIED_TOGETHER: Final = 8
"""Rules or declarations to a part, few enough to load in less than a millisecond."""

_GAPS: Final[dict[Gap, str]] = {
    ABSENT: "ABSENT", UNSET: "UNSET", NOT_GIVEN: "NOT_GIVEN", OPTIONAL_NOT_GIVEN: "OPTIONAL_NOT_GIVEN",
    NO_ROW: "NO_ROW", BAD_VALUE: "BAD_VALUE", TOO_DEEP: "TOO_DEEP",
}  # fmt: skip
_REMEMBERING: Final = type(lru_cache(len))
_OTHERS: Final = frozenset({("builtins", "frozenset"), ("functools", "partial")})
"""What an image may name beside this package."""


_Reduced = str | tuple[Callable[..., object], tuple[object, ...]]


class ImageError(Exception):
    """Bytes that are no image of this version, or that name what no image does."""


def write_image(bundle: Bundle, compiled: Compiled) -> bytes:
    """The image of a bundle and what it was compiled to; the tests that stand in its files are left out."""
    return VERSION + b"".join(len(part).to_bytes(LENGTH_BYTES, "big") + part for part in _parts(bundle, compiled))


def read_image(image: bytes) -> tuple[Bundle, Compiled, Interpreter]:
    """What the image holds, all at once; ImageError if it is none."""
    reader = ImageReader(image)
    while reader.step():
        pass
    return reader.result()


def _parts(bundle: Bundle, compiled: Compiled) -> Iterator[bytes]:
    """Each part is a kind and its content; what later parts share goes by its number in the order of their coming."""
    shared = _Shared()
    program = bundle.program
    yield shared.pack("digest", bundle.digest)
    for file in bundle.files:
        yield shared.pack("share", [file])
    schema = program.schema
    for declared in (schema.types, schema.actions, schema.roles, schema.relations):
        yield from _pack_in_parts(shared, list(declared.values()))
    yield shared.pack("share", [schema])
    for rules in program.rules.values():
        yield from _pack_in_parts(shared, rules)
    for type_, rules in program.rules.items():
        yield shared.pack("rules", (type_, rules))
    for place, rules in program.in_play.items():
        yield shared.pack("in play", (place, rules))
    yield shared.pack("program", ())
    shared.add([compiled.undetermined])
    for key, plan in compiled.plans.items():
        yield shared.pack("plan", (key, plan.rules, plan.reads, plan.decide, plan.read_inputs))
    yield shared.pack("end", ())


def _pack_in_parts(shared: "_Shared", objects: Sequence[object]) -> Iterator[bytes]:
    for start in range(0, len(objects), CARRIED_TOGETHER):
        yield shared.pack("share", list(objects[start : start + CARRIED_TOGETHER]))


class _Shared:
    """The objects that parts have in common, by identity."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self._kept: list[object] = []

    def add(self, objects: Iterable[object]) -> None:
        """Numbers them."""
        for each in objects:
            self.numbers[id(each)] = len(self.numbers)
            self._kept.append(each)  # so that no other object gets its identity

    def pack(self, kind: str, content: object) -> bytes:
        """The part's bytes. What is shared by it stands in it whole, and has a number from then on."""
        buffer = io.BytesIO()
        _Pickler(buffer, self.numbers).dump((kind, content))
        if kind == "share" and isinstance(content, list):
            self.add(content)
        return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Writes rules' functions as their code and constants, and gaps by name: there is one object for each."""

    def __init__(self, buffer: io.BytesIO, numbers: dict[int, int]) -> None:
        super().__init__(buffer, protocol=5)
        self._numbers = numbers

    def persistent_id(self, obj: object) -> int | None:
        return self._numbers.get(id(obj))

    def reducer_override(self, obj: object) -> _Reduced:
        if isinstance(obj, Gap):
            return _GAPS[obj]
        if isinstance(obj, Enum):
            # Python 3.11 before its fourth patch would name `getattr`, which no image may.
            return type(obj), (obj.value,)
        if isinstance(obj, FunctionType) and obj.__code__.co_filename == "<rules>":
            constants = {name: value for name, value in obj.__globals__.items() if name != "__builtins__"}
            return function_of, (marshal.dumps(obj.__code__), constants)
        if isinstance(obj, _REMEMBERING) and isinstance(obj.__wrapped__, partial):
            return writer, obj.__wrapped__.args
        if names := _made_of(type(obj)):  # type: ignore[arg-type]  # every type is hashable
            return type(obj), tuple([getattr(obj, name) for name in names])
        as_usual: _Reduced = NotImplemented
        return as_usual


@cache
def _made_of(kind: type) -> tuple[str, ...]:
    """What a slotted dataclass is made of; nothing for other types, or where it has fields beside.

    To make it anew takes half as long as to set its fields one by one, as dataclasses are unpickled otherwise.
    """
    if not is_dataclass(kind) or "__slots__" not in vars(kind):
        return ()
    return tuple(each.name for each in fields(kind)) if all(each.init for each in fields(kind)) else ()


def function_of(code: bytes, constants: dict[str, object]) -> FunctionType:
    """The function of that code, which reaches its constants and nothing else."""
    return FunctionType(marshal.loads(code), {"__builtins__": {}, **constants})  # noqa: S302  # see the module's law


class _Unpickler(pickle.Unpickler):
    """Reads a part; what is shared comes from the table."""

    def __init__(self, part: memoryview, shared: list[object]) -> None:
        super().__init__(io.BytesIO(part))
        self._shared = shared

    def persistent_load(self, pid: int) -> object:
        return self._shared[pid]

    def find_class(self, module: str, name: str) -> object:
        if module.startswith("policy_lang.") or (module, name) in _OTHERS:
            return super().find_class(module, name)
        raise ImageError(f"an image names `{module}.{name}`")


class ImageReader:
    """Loads an image step by step, so that other work is done in between."""

    def __init__(self, image: bytes) -> None:
        """ImageError if it is of another version."""
        if not image.startswith(VERSION):
            raise ImageError("the image is of another version of this service, or of Python")
        self._image = memoryview(image)
        self._at = len(VERSION)
        self._shared: list[object] = []
        self._is_whole = False
        self._digest = ""
        self._files: list[SourceFile] = []
        self._schema: Schema | None = None
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self._in_play: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._plans: dict[Key, Plan] = {}
        self._program: Program | None = None
        self._interpreter: Interpreter | None = None

    def step(self) -> bool:
        """Loads one part; whether there are more."""
        size = int.from_bytes(self._image[self._at : self._at + LENGTH_BYTES], "big")
        start = self._at + LENGTH_BYTES
        self._at = start + size
        if not size or self._at > len(self._image):
            raise ImageError("the image is cut short")
        self._take(*_Unpickler(self._image[start : self._at], self._shared).load())
        return not self._is_whole

    def result(self) -> tuple[Bundle, Compiled, Interpreter]:
        """The bundle in its three forms, once there are no more steps; ImageError if the image ended too soon."""
        if self._program is None or self._interpreter is None or not self._is_whole:
            raise ImageError("the image is cut short")
        bundle = Bundle(self._program, self._digest, tuple(self._files))
        return bundle, Compiled.of(self._program, self._interpreter, self._plans), self._interpreter

    def _take(self, kind: str, content: object) -> None:
        match kind, content:
            case "digest", str(digest):
                self._digest = digest
            case "share", list(objects):
                self._share(objects)
            case "rules", (str(type_), tuple(rules)):
                self._rules[type_] = rules
            case "in play", (tuple(key), tuple(rules)):
                self._in_play[key] = rules
            case "end", ():
                self._is_whole = True
            case "program", ():
                self._assemble()
            case "plan", (
                tuple(key), tuple(rules), Reads() as reads, FunctionType() as decide, FunctionType() as read,
            ) if self._schema is not None:  # fmt: skip
                self._plans[key] = plan_of(key, rules, self._schema, reads=reads, decide=decide, read_inputs=read)
            case _:
                raise ImageError(f"an image has no part `{kind}`")

    def _share(self, objects: list[object]) -> None:
        self._shared += objects
        for each in objects:
            match each:
                case SourceFile():
                    self._files.append(each)
                case Schema():
                    self._schema = each

    def _assemble(self) -> None:
        if self._schema is None:
            raise ImageError("an image has its schema before its program")
        self._program = Program(self._schema, self._rules)
        vars(self._program)["in_play"] = self._in_play  # what the property would compute, all at once
        self._interpreter = Interpreter(self._program)
        self._shared.append(self._interpreter.decide)
