"""Checkpoints: directories of safetensors, read by header and by byte range.

in:  a directory (single file or shards with index) or a hub name
out: TensorInfo per tensor, config, sidecar files; bytes of a tensor on demand; headers to write
not covered: what the tensor names mean (layout.py)

The safetensors format: 8 bytes little-endian header length, JSON header, then the tensors' bytes
without gaps. All that a file claims is checked before a byte of a tensor is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viscodex.errors import BadCheckpoint, MissingPart
from viscodex.types import BYTES_PER_ELEMENT, TensorInfo

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library
MAX_JSON_BYTES = 100_000_000
WEIGHT_SUFFIXES = (
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".gguf",
    ".onnx",
    ".h5",
    ".msgpack",
)
NOT_SIDECARS = ("merge_report.json", "README.md")  # written anew for every merge
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model on disk: what its headers and its config say."""

    path: Path
    tensors: dict[str, TensorInfo]  # in order of file and offset
    config: dict[str, Any]

    @property
    def n_parameters(self) -> int:
        """Elements of all tensors."""
        return sum(info.n_elements for info in self.tensors.values())

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(info.nbytes for info in self.tensors.values())


def read_checkpoint(reference: str | os.PathLike[str]) -> Checkpoint:
    """Read the headers and the config of a checkpoint; no tensor is read.

    Args:
        reference: a directory, or a hub name (`owner/name`, `owner/name@revision`).

    Raises:
        BadCheckpoint: not there, or not whole: header, index, sizes, config.
        MissingPart: a hub name, and huggingface_hub is not installed.
    """
    path = _directory(str(reference))
    config = read_json(path / "config.json") if (path / "config.json").exists() else None
    if not isinstance(config, dict):
        raise BadCheckpoint(
            "a checkpoint needs a config.json"
            if config is None
            else "config.json is not an object",
            str(path / "config.json"),
            "Give the directory that holds config.json and the *.safetensors files.",
        )
    return Checkpoint(path, _read_tensors(path), config)


def _directory(reference: str) -> Path:
    path = Path(reference)
    with contextlib.suppress(RuntimeError):  # no such user: no such directory either
        path = path.expanduser()
    try:
        is_there, is_directory = path.exists(), path.is_dir()
    except (OSError, ValueError):  # a name too long, or of impossible characters
        is_there = is_directory = False
    if is_directory and reference:
        return path
    if is_there and reference:
        raise BadCheckpoint(
            "a checkpoint is a directory, this is a file", str(path), f"Give {path.parent} instead."
        )
    if not HUB_NAME.fullmatch(reference):
        raise BadCheckpoint(
            "there is no such checkpoint",
            reference[:200],
            "Give an existing directory, or a hub name of the form owner/name.",
        )
    return _from_hub(reference)


def _from_hub(reference: str) -> Path:
    """The local copy of a hub model: downloaded once into the hub's cache, weights as safetensors."""
    name, _, revision = reference.partition("@")
    try:
        import huggingface_hub
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )
    except ImportError as error:
        raise MissingPart(
            "hub names need the huggingface_hub library", reference, "pip install 'viscodex[model]'"
        ) from error
    try:
        return Path(
            huggingface_hub.snapshot_download(
                name,
                revision=revision or None,
                ignore_patterns=[f"*{s}" for s in WEIGHT_SUFFIXES if s != ".safetensors"],
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise BadCheckpoint(
            "the model is neither a directory here nor to be had from the hub",
            f"{reference}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            "Check the spelling and the network, or give the directory of a local copy.",
        ) from error


# --- headers and index ----------------------------------------------------------------------------


def _read_tensors(path: Path) -> dict[str, TensorInfo]:
    if (path / SINGLE_FILE).exists():  # as transformers: the single file goes before an index
        return {info.name: info for info in read_header(path / SINGLE_FILE)}
    if (path / INDEX_FILE).exists():
        return _read_shards(path)
    found = sorted(p.name for p in path.iterdir() if p.suffix in WEIGHT_SUFFIXES)
    if "adapter_model.safetensors" in found:
        todo = "This is an adapter (LoRA): merge it into its base model first, with peft."
    elif any(name.endswith(".safetensors") for name in found):
        todo = f"The shards are there, their index is not: get {INDEX_FILE} as well."
    elif found:
        todo = "Only safetensors are read: load the model in transformers and save_pretrained it."
    else:
        todo = "Give the directory that holds the *.safetensors files."
    raise BadCheckpoint(
        f"there is neither {SINGLE_FILE} nor {INDEX_FILE}",
        f"{path}\nweights found: {', '.join(found[:5]) or 'none'}",
        todo,
    )


def _read_shards(path: Path) -> dict[str, TensorInfo]:
    index_path = path / INDEX_FILE
    index = read_json(index_path)
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise BadCheckpoint("the index has no weight_map", str(index_path), "Fetch the file again.")
    tensors: dict[str, TensorInfo] = {}
    for shard in sorted({str(name) for name in weight_map.values()}):
        if Path(shard).name != shard or shard in ("", ".", "..") or not shard.isprintable():
            raise BadCheckpoint(
                "the index names a file outside the checkpoint",
                f"{index_path}: {shard!r}",
                "Do not use this checkpoint: shards lie beside their index.",
            )
        for info in read_header(path / shard):
            if weight_map.get(info.name) == shard:
                tensors[info.name] = info
            else:
                raise BadCheckpoint(
                    "index and shards do not agree",
                    f"{info.name}: in {shard}; index: {weight_map.get(info.name, 'not listed')}",
                    "Index and shards are of different models or downloads: fetch them again.",
                )
    missing = sorted(set(weight_map) - set(tensors))
    if missing:
        raise BadCheckpoint(
            f"{len(missing)} tensors of the index are in no shard",
            f"{index_path}: {', '.join(map(str, missing[:3]))}",
            "A shard was cut or replaced: fetch the checkpoint again.",
        )
    return tensors


def read_header(file: Path) -> list[TensorInfo]:
    """The tensors of one safetensors file, in order of offset, from its header alone.

    Raises:
        BadCheckpoint: truncated file, broken JSON, a name twice, unknown dtype, a shape that does
            not match its bytes, offsets that overlap, leave gaps or run past the end.
    """

    def bad(what: str, where: str = "") -> BadCheckpoint:
        where = f"{file}" + (f"\n{where}" if where else "")
        return BadCheckpoint(what, where, "The file is damaged or cut: fetch or write it again.")

    try:
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
                raise bad("the safetensors header is cut", f"header {length} bytes, file {size}")
            raw = stream.read(length)
    except OSError as error:
        raise BadCheckpoint(
            "a file of the checkpoint cannot be read", f"{file}: {error.strerror}", ""
        ) from error
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise bad("the safetensors header is not valid JSON", str(error)) from error
    if not isinstance(header, dict):
        raise bad("the safetensors header is not an object")
    header.pop("__metadata__", None)
    start = 8 + length
    infos = [_tensor_info(name, entry, file, start, bad) for name, entry in header.items()]
    infos.sort(key=lambda info: (info.offset, info.nbytes))
    end = start
    for info in infos:
        if info.offset != end:
            kind = "overlap" if info.offset < end else "leave a gap"
            raise bad(
                f"the tensors {kind}", f"{info.name}: starts at {info.offset}, expected {end}"
            )
        end += info.nbytes
    if end != size:
        raise bad("the file has another size than its header says", f"{size} bytes, header: {end}")
    return infos


def _tensor_info(name: str, entry: Any, file: Path, start: int, bad: Any) -> TensorInfo:
    try:
        dtype, shape = entry["dtype"], entry["shape"]
        begin, end = entry["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise bad("a header entry is not of the form dtype, shape, data_offsets", name) from error
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise bad("a tensor's name is not valid Unicode", ascii(name)) from error
    if not isinstance(dtype, str) or dtype not in BYTES_PER_ELEMENT:
        raise bad(f"unknown dtype {dtype!r}", name)
    numbers = [*shape, begin, end] if isinstance(shape, list) else [None]
    if not all(type(n) is int and 0 <= n < 2**62 for n in numbers):
        raise bad("shape and offsets are whole numbers, not negative", f"{name}: {entry}")
    nbytes = BYTES_PER_ELEMENT[dtype]
    for dimension in sorted(shape):  # a 0 first; too large early: the product stays printable
        nbytes = min(nbytes * dimension, 2**63)
    if nbytes != end - begin:
        raise bad(
            "a tensor's bytes do not match its shape",
            f"{name}: {dtype} {shape} needs {nbytes} bytes, offsets give {end - begin}",
        )
    return TensorInfo(name, tuple(shape), dtype, file, start + begin, nbytes)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {twice!r} stands twice")
    return result


def read_json(path: Path) -> Any:
    """A JSON file of a checkpoint.

    Raises:
        BadCheckpoint: unreadable, too large, not JSON.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise BadCheckpoint(
                "a JSON file is too large", f"{path}: over {MAX_JSON_BYTES} bytes", ""
            )
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BadCheckpoint(
            "a file of the checkpoint cannot be read", f"{path}: {error.strerror}", ""
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadCheckpoint(
            "a file of the checkpoint is not valid JSON",
            f"{path}: {error}",
            "Fetch the file again.",
        ) from error


# --- bytes ----------------------------------------------------------------------------------------


def new_hash() -> Any:
    """The hash of tensor contents: XXH3, 128 bits. It finds damage and tells models apart.

    Not meant against forgery; sha256 would add half of the CPU time of a merge.
    """
    import xxhash

    return xxhash.xxh3_128()


def hash_tensor(reader: TensorReader, info: TensorInfo) -> str:
    """Hash of the bytes of one tensor."""
    digest = new_hash()
    piece = memoryview(bytearray(min(max(1, info.nbytes), 1 << 20)))
    for start in range(0, info.nbytes, len(piece)):
        view = piece[: min(len(piece), info.nbytes - start)]
        reader.read_into(info, start, view)
        digest.update(view)
    return str(digest.hexdigest())


class TensorReader:
    """Reads byte ranges of tensors; any number of threads may share it.

    Positioned reads instead of memory maps: pages of a map count as resident memory.
    """

    def __init__(self) -> None:
        self._descriptors: dict[Path, int] = {}

    def read_into(self, info: TensorInfo, start: int, buffer: memoryview) -> None:
        """Fill `buffer` with the tensor's bytes from `start` on.

        Raises:
            BadCheckpoint: the file ended early: it changed since its header was read.
        """
        descriptor = self._descriptors.get(info.file)
        if descriptor is None:
            opened = os.open(info.file, os.O_RDONLY)
            descriptor = self._descriptors.setdefault(info.file, opened)
            if descriptor != opened:  # another thread was first
                os.close(opened)
        done = 0
        while done < len(buffer):
            n = os.preadv(descriptor, [buffer[done:]], info.offset + start + done)
            if n == 0:
                raise BadCheckpoint(
                    "a file of the checkpoint changed while it was read",
                    f"{info.file}: {info.name}",
                    "Start again when nothing writes to the inputs.",
                )
            done += n

    def close(self) -> None:
        """Close all files."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def __enter__(self) -> TensorReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def fingerprint(checkpoint: Checkpoint, reader: TensorReader) -> str:
    """A cheap content identity: sha256 over all headers and three short samples a tensor.

    Independent of the directory and of the sharding. Tells models apart; proves nothing.
    """
    digest = hashlib.sha256()
    sample = 64
    for name, info in sorted(checkpoint.tensors.items()):
        digest.update(f"{name} {info.dtype} {info.shape}\n".encode())
        for start in {0, info.nbytes // 2, max(0, info.nbytes - sample)}:
            piece = bytearray(min(sample, info.nbytes - start))
            reader.read_into(info, start, memoryview(piece))
            digest.update(b"%d:" % start + piece)
    return digest.hexdigest()


def hash_of_tensors(hashes: Mapping[str, str]) -> str:
    """One hash over many tensors: XXH3 of the sorted lines `name hash`; independent of shards."""
    digest = new_hash()
    lines = "".join(f"{name} {tensor_hash}\n" for name, tensor_hash in sorted(hashes.items()))
    digest.update(lines.encode())
    return str(digest.hexdigest())


# --- writing --------------------------------------------------------------------------------------

PAGE_BYTES = 4096
"""Where the tensors of a file begin, and the unit of writes past the page cache (output.py)."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One output file: its header and where each tensor will lie."""

    name: str
    header: bytes
    tensors: dict[str, TensorInfo]  # `file` is the bare file name
    nbytes: int  # of the whole file


def lay_out(
    tensors: Iterable[tuple[str, str, tuple[int, ...]]], shard_bytes: int
) -> tuple[Shard, ...]:
    """Distribute tensors over shards in the given order, each at most `shard_bytes` if it can be.

    Args:
        tensors: (name, dtype, shape) of every output tensor.
        shard_bytes: limit for the tensors of one file; a larger tensor gets a file of its own.
    """
    groups: list[list[tuple[str, str, tuple[int, ...], int]]] = [[]]
    filled = 0
    for name, dtype, shape in tensors:
        nbytes = BYTES_PER_ELEMENT[dtype]
        for dimension in shape:
            nbytes *= dimension
        if groups[-1] and filled + nbytes > shard_bytes:
            groups.append([])
            filled = 0
        groups[-1].append((name, dtype, shape, nbytes))
        filled += nbytes
    n = len(groups)
    names = (
        [f"model-{i + 1:05d}-of-{n:05d}.safetensors" for i in range(n)] if n > 1 else [SINGLE_FILE]
    )
    return tuple(_shard(name, group) for name, group in zip(names, groups, strict=True))


def _shard(name: str, group: list[tuple[str, str, tuple[int, ...], int]]) -> Shard:
    # whole pages first: as many tensors as possible begin and end at a page
    group = sorted(group, key=lambda entry: entry[3] % PAGE_BYTES != 0)
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor, dtype, shape, nbytes in group:
        end = offset + nbytes
        entries[tensor] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % PAGE_BYTES)  # the format allows trailing spaces
    header = len(text).to_bytes(8, "little") + text
    infos: dict[str, TensorInfo] = {}
    for tensor, dtype, shape, nbytes in group:
        start = len(header) + entries[tensor]["data_offsets"][0]
        infos[tensor] = TensorInfo(tensor, shape, dtype, Path(name), start, nbytes)
    return Shard(name, header, infos, len(header) + offset)


def index_json(shards: Iterable[Shard]) -> str:
    """The text of `model.safetensors.index.json`."""
    shards = list(shards)
    total = sum(info.nbytes for shard in shards for info in shard.tensors.values())
    weight_map = {name: shard.name for shard in shards for name in shard.tensors}
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    return json.dumps(index, indent=2) + "\n"


def sidecars(checkpoint: Checkpoint) -> Iterator[Path]:
    """All other files of a checkpoint (tokenizer, processor, licence, code), relative to it.

    Weights in any format, hidden files and what every merge writes anew are left out.
    """
    for folder, folders, names in os.walk(checkpoint.path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            relative = Path(folder, name).relative_to(checkpoint.path)
            weights = name.endswith(
                (*WEIGHT_SUFFIXES, ".safetensors.index.json", ".bin.index.json")
            )
            hidden = name.startswith(".") or str(relative) in NOT_SIDECARS
            if not weights and not hidden and (checkpoint.path / relative).is_file():
                yield relative
