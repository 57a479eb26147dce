"""Loading an app: its schema, its functions and its auth providers, from one folder.

`functions/` is imported as a package from the app's root, so `from schema import Message` and
`from functions import auth` work in it. Each load makes fresh module objects, so a reload does not
meet the objects of the load before, and two apps may be loaded in one process. Everything is
compiled while the modules are importable; whatever is wrong is one `DefinitionError` with file,
line and reason.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, TypeGuard

from realtime.casing import wire_name
from realtime.errors import DefinitionError, NotFoundError, ValidationError
from realtime.runtime.auth_config import AuthProvider, providers_from_module
from realtime.runtime.function_path import canonical_path
from realtime.runtime.outcome import FunctionKind
from realtime.runtime.registration import RegisteredFunction
from realtime.runtime.signature import Signature, compile_signature
from realtime.schema.schema import Schema, schema_from_module

_PACKAGE = Path(__file__).parents[1]
_SCHEMA = "schema"
_FUNCTIONS = "functions"
_AUTH_CONFIG = "auth_config"
_MODULE_NAME = re.compile(r"[A-Za-z0-9_]+")
_app_modules: set[str] = set()
"""Names of the modules that loaded apps brought along; the next load does not meet them."""


@dataclass(frozen=True, slots=True, eq=False)
class AppFunction:
    """One function of an app, ready to run. `path` is canonical."""

    path: str
    kind: FunctionKind
    is_internal: bool
    registered: RegisteredFunction[Any, Any]
    signature: Signature

    @property
    def handler(self) -> Any:
        """The coroutine function that the app wrote."""
        return self.registered.declaration.handler


class Registry:
    """The functions of an app by path, and by the objects that stand for them."""

    def __init__(self, functions: Mapping[str, AppFunction]) -> None:
        self.functions = MappingProxyType(dict(functions))
        self._by_object = {function.registered: function for function in functions.values()}

    def with_functions(self, functions: Iterable[AppFunction]) -> Registry:
        """Return a registry of these functions and more."""
        return Registry({**self.functions, **{function.path: function for function in functions}})

    def find(self, path: str) -> AppFunction | None:
        """Return the function with this path in any spelling, internal ones too, or None.

        Raises:
            ValidationError: `path` is not well formed.
        """
        return self.functions.get(path) or self.functions.get(canonical_path(path))

    def resolve(self, reference: RegisteredFunction[Any, Any] | str) -> AppFunction:
        """Return the function that another function refers to."""
        if isinstance(reference, str):
            found = self.find(reference)
        elif isinstance(reference, RegisteredFunction):  # pyright: ignore[reportUnnecessaryIsInstance] user input
            found = self._by_object.get(reference) or self._counterpart(reference)
        else:
            raise ValidationError(
                "Expected a registered function or a path such as `messages:list`, "
                f"got {type(reference).__name__}"
            )
        if found is None:
            raise NotFoundError(
                f"Could not find function for '{reference}'. "
                "Did you forget to run `npx convex dev`?",
                code="FunctionNotFound",
            )
        return found

    def _counterpart(self, reference: RegisteredFunction[Any, Any]) -> AppFunction | None:
        """Return the function that an object of another load of the same file stood for."""
        declaration = reference.declaration
        package, _, module = (declaration.module or "").partition(".")
        name = declaration.name or wire_name(declaration.handler.__name__)
        if package != _FUNCTIONS:
            return None
        found = self.functions.get(canonical_path(f"{module.replace('.', '/')}:{name}"))
        code = declaration.handler.__code__
        is_same = found is not None and found.handler.__code__.co_filename == code.co_filename
        return found if is_same else None


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """An app as loaded from `root`."""

    root: Path
    schema: Schema
    registry: Registry
    auth_providers: tuple[AuthProvider, ...] = ()
    modules: Mapping[str, ModuleType] = field(default_factory=dict[str, ModuleType])
    """The modules that make it up, by the names under which they were imported."""

    def make_importable(self) -> None:
        """Have imports inside of functions find this app's modules again.

        A load leaves those of its app in place, also one that failed or whose app is not served.
        """
        _forget_modules()
        _put_on_path(self.root)
        sys.modules.update(self.modules)
        _app_modules.update(self.modules)


def load_app(root: Path, *, reuses_modules: bool = False) -> LoadedApp:
    """Load `schema.py`, `functions/` and `auth_config.py` of the app in the folder `root`.

    `reuses_modules` keeps those of its modules that this process has imported: whoever imported
    them before, a test or a host, then holds the classes and functions that run.

    Raises:
        DefinitionError: Something is missing or wrong; the message begins with file and line.
    """
    root = root.resolve()
    if not root.is_dir():
        raise DefinitionError(f"There is no folder `{root}`; name the folder of an app")
    if not (root / _FUNCTIONS).is_dir():
        raise DefinitionError(
            f"`{root}` is not an app: it has no folder `{_FUNCTIONS}/`. "
            "Start in the app's folder, or name it on the command line"
        )
    with _importable(root, reuses_modules=reuses_modules) as modules:
        schema = _load_schema(root)
        functions: dict[str, AppFunction] = {}
        for module_path, module_name in _function_modules(root):
            module = _import(module_name, root)
            for function in _functions_of(module, module_path):
                _add(functions, function)
        auth_providers = _load_auth_providers(root)
    return LoadedApp(root, schema, Registry(functions), auth_providers, modules)


def _load_schema(root: Path) -> Schema:
    if not (root / f"{_SCHEMA}.py").is_file():
        return schema_from_module(ModuleType(_SCHEMA))
    module = _import(_SCHEMA, root)
    try:
        return schema_from_module(module)
    except DefinitionError as error:
        if error.place is not None:
            raise
        raise DefinitionError(error.reason, place=module.__file__) from error


def _load_auth_providers(root: Path) -> tuple[AuthProvider, ...]:
    if not (root / f"{_AUTH_CONFIG}.py").is_file():
        return ()
    return providers_from_module(_import(_AUTH_CONFIG, root))


def _function_modules(root: Path) -> list[tuple[str, str]]:
    """Return the wire path and the import name of each module in `functions/`, in order."""
    folder = root / _FUNCTIONS
    modules: list[tuple[str, str]] = []
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        if not any(part.startswith(("_", ".")) for part in parts):
            _check_module(file, parts, root)
            modules.append(("/".join(parts), ".".join((_FUNCTIONS, *parts))))
    return modules


def _check_module(file: Path, parts: tuple[str, ...], root: Path) -> None:
    """Raise a DefinitionError for a file that cannot be a module of functions."""
    name = file.relative_to(root).as_posix()
    if not all(_MODULE_NAME.fullmatch(part) for part in parts):
        raise DefinitionError(
            f"`{name}` can't be a module of functions: expected a name of ASCII letters, digits "
            "and `_`. Rename it, or let its name begin with `_` if nothing in it is called"
        )
    folder = file.with_suffix("")
    if any(folder.glob("[!_.]*.py")):
        raise DefinitionError(
            f"`{name}` and the folder `{folder.relative_to(root).as_posix()}/` have the same name, "
            "and Python imports only one of them. Rename one"
        )
    if parts == (_SCHEMA,):
        raise DefinitionError(
            f"`{name}` is not where tables are declared: move it beside the folder `{_FUNCTIONS}/`"
        )


def _functions_of(module: ModuleType, module_path: str) -> Iterator[AppFunction]:
    for attribute, value in vars(module).items():
        if not _is_registered(value) or attribute.startswith("_"):
            continue
        declaration = value.declaration
        if declaration.module != module.__name__:
            continue
        name = declaration.name or wire_name(attribute)
        try:
            path = canonical_path(f"{module_path}:{name}")
        except ValidationError as error:
            raise DefinitionError(
                f"`{name}` can't be the name of a function: {error.message}", place=_place(value)
            ) from error
        signature = compile_signature(declaration)
        yield AppFunction(path, value.kind, declaration.is_internal, value, signature)


def _is_registered(value: object) -> TypeGuard[RegisteredFunction[Any, Any]]:
    return isinstance(value, RegisteredFunction)


def _add(functions: dict[str, AppFunction], function: AppFunction) -> None:
    other = functions.get(function.path)
    if other is not None and other.registered is not function.registered:
        raise DefinitionError(
            f"Two functions have the wire name `{function.path}`: the other one is at "
            f"{_place(other.registered)}. Rename one, or give it a `name=`",
            place=_place(function.registered),
        )
    functions[function.path] = function


def _place(function: RegisteredFunction[Any, Any]) -> str:
    code = function.declaration.handler.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


@contextmanager
def _importable(root: Path, *, reuses_modules: bool) -> Generator[dict[str, ModuleType]]:
    """Make `schema` and `functions` mean those of `root`, freshly, from here on.

    The modules and the root stay importable afterwards, for imports inside of functions. Other
    modules of the app, imported by these two, are fresh as well. The dictionary gets those that
    were imported meanwhile.
    """
    _forget_modules(kept_root=root if reuses_modules else None)
    _put_on_path(root)
    before = set(sys.modules)
    modules: dict[str, ModuleType] = {}
    _open_functions_package(root)
    try:
        yield modules
    finally:
        for name in sys.modules.keys() - before:
            module = sys.modules[name]
            if _is_entered(name) or _is_of_app(getattr(module, "__file__", None), root):
                modules[name] = module
        _app_modules.update(modules)


def _forget_modules(kept_root: Path | None = None) -> None:
    """Have the next import of a module of an app read its file, but for those in `kept_root`."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if kept_root is not None and _is_of_app(file, kept_root):
            continue
        if _is_entered(name) or name in _app_modules:
            del sys.modules[name]


def _is_entered(name: str) -> bool:
    is_own = name in (_SCHEMA, _FUNCTIONS, _AUTH_CONFIG)
    return is_own or name.startswith(f"{_FUNCTIONS}.")


def _put_on_path(root: Path) -> None:
    entry = str(root)
    while entry in sys.path:
        sys.path.remove(entry)
    sys.path.insert(0, entry)
    importlib.invalidate_caches()


def _open_functions_package(root: Path) -> None:
    """Make `functions` a package of this app's folder alone.

    Python would make it one of every `functions/` on its path, those of other apps included.
    """
    folder = root / _FUNCTIONS
    if not (folder / "__init__.py").is_file():
        spec = ModuleSpec(_FUNCTIONS, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[_FUNCTIONS] = importlib.util.module_from_spec(spec)


def _import(name: str, root: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except DefinitionError as error:
        if error.place is not None:
            raise
        raise DefinitionError(error.reason, place=_failing_place(error, root)) from error
    except SyntaxError as error:
        place = f"{error.filename}:{error.lineno}"
        raise DefinitionError(f"{type(error).__name__}: {error.msg}", place=place) from error
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DefinitionError(reason, place=_failing_place(error, root)) from error


def _failing_place(error: BaseException, root: Path) -> str:
    """Return file and line of the innermost frame of the app in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_of_app(frame.filename, root)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else str(root)


def _is_of_app(file: str | None, root: Path) -> bool:
    """Say whether a file is the app's own: the app's folder may hold this package and others."""
    if file is None or not Path(file).is_relative_to(root) or Path(file).is_relative_to(_PACKAGE):
        return False
    return "site-packages" not in Path(file).relative_to(root).parts
