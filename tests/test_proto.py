"""The proto keeps buf's STANDARD rules that a compiler does not check."""

from __future__ import annotations

import re
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tagger.v1 import tagger_pb2 as pb

PROTO = Path(__file__).parent.parent / "proto" / "tagger" / "v1" / "tagger.proto"


def descriptor() -> FileDescriptorProto:
    proto = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(proto)
    return proto


def test_the_package_is_versioned_and_matches_its_folder():
    assert descriptor().package == "tagger.v1"
    assert descriptor().name == "tagger/v1/tagger.proto"


def test_names_follow_the_rules():
    proto = descriptor()
    for message in proto.message_type:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", message.name)
        for field in message.field:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", field.name)
    for service in proto.service:
        assert service.name.endswith("Service")
        for method in service.method:
            assert method.input_type == f".tagger.v1.{method.name}Request"
            assert method.output_type == f".tagger.v1.{method.name}Response"


def test_enum_values_are_prefixed_and_zero_is_unspecified():
    for enum in descriptor().enum_type:
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()
        assert enum.value[0].name == f"{prefix}_UNSPECIFIED"
        assert enum.value[0].number == 0
        assert all(v.name.startswith(f"{prefix}_") for v in enum.value)


def test_every_message_field_value_and_method_has_a_comment():
    lines = PROTO.read_text().splitlines()
    for i, line in enumerate(lines):
        if re.match(r"\s*(message|enum|service|rpc|\w[\w.<>, ]* \w+ = \d+;|\w+ = \d+;)", line):
            assert lines[i - 1].lstrip().startswith("//"), f"line {i + 1} has no comment"
