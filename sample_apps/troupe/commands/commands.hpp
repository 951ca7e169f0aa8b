// Every command of the program; each adds itself with its options.
#pragma once

#include "program.hpp"

namespace troupe::app {

void add_devices(program& to);
void add_inspect(program& to);
void add_run(program& to);
void add_classify(program& to);
void add_bench(program& to);
void add_compress(program& to);
void add_generate(program& to);
void add_serve(program& to);
void add_embed(program& to);
void add_perplexity(program& to);
void add_tokenize(program& to);
void add_node(program& to);
void add_plan(program& to);
void add_nodes(program& to);
void add_pair(program& to);

}  // namespace troupe::app
