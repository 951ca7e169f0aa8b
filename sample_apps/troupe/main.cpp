#include "commands/commands.hpp"

int main(int count, char** arguments) {
  troupe::app::program program;
  troupe::app::add_devices(program);
  troupe::app::add_inspect(program);
  troupe::app::add_run(program);
  troupe::app::add_classify(program);
  troupe::app::add_bench(program);
  troupe::app::add_compress(program);
  troupe::app::add_generate(program);
  troupe::app::add_serve(program);
  troupe::app::add_embed(program);
  troupe::app::add_perplexity(program);
  troupe::app::add_tokenize(program);
  troupe::app::add_plan(program);
  troupe::app::add_node(program);
  troupe::app::add_nodes(program);
  troupe::app::add_pair(program);
  return program.run(count, arguments);
}
