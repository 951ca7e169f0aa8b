@0xee4c06ce67469a18;
# What nodes say to each other. This file is the protocol document; `records.hpp` holds the same records as C++ values.
#
# Roles. A *coordinator* owns plans and asks *nodes* to load parts of them; each part is run by a *shard*, an actor on
# that node. A shard passes the result of its step on to the next hop of the route, the last one back to the origin.
# Every node may hold references to actors of any other node and address them directly.
#
# Delivery. A link delivers what it delivers in order within a lane, at most once, intact; a lost link loses what was on
# its way. Hence: every request has a deadline at its sender, every reader tolerates a record that arrives twice (after
# a retry over a new link) or late (from an attempt that was given up; `attempt` and `incarnation` tell).
#
# Lanes. Bulk: LoadPart, UnloadPart, UnloadPlan, Step, LinkProbe, OpenStream, StreamPart, StreamAck, so that unloading
# never overtakes loading, and no cancellation the stream that it cancels.
# Background: Chunk, which everything overtakes. Control: everything else, which may overtake bulk. In particular Cancel
# overtakes the steps it withdraws, and a `down` may arrive before the last
# results of the actor that ended.
#
# Trust. A reader believes nothing: every enum, number, length and index is checked where it is decoded.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire::schema");

using Common = import "common.capnp";
using Graph = import "graph.capnp";

struct Weight {
  # Where the bytes of one constant of a graph are: from `offset` in chunk `chunk` on, going on at the start of the next
  # chunks.

  value @0 :UInt32;
  # Id in the graph.

  type @1 :UInt8;
  # A value of `troupe::dtype`.

  dims @2 :List(Int64);
  chunk @3 :UInt32;
  offset @4 :UInt32;
}

struct WeightManifest {
  # The weights of a part by reference. Weights are in the order of the chunks' bytes and do not overlap.

  weights @0 :List(Weight);

  hashes @1 :Data;
  # SHA-256 of each chunk, 32 bytes each; at most 65536 chunks.

  chunkBytes @2 :List(UInt32);
  # Bytes of each chunk, 1 to 4 MiB.
}

struct LoadPart {
  # Coordinator to node, as a request: compile this part on a device and run a shard for it, supervised. Answered by
  # Ok, or by an error that says why the part cannot run here; PartUp follows when it is loaded. Loading a part that runs already replaces it.

  planId @0 :UInt64;
  # Chosen by the coordinator at random; never 0.

  part @1 :UInt32;
  # Position in the plan, from 0.

  kind @2 :UInt8;
  # 1 stage (consecutive operators), 2 replica (the whole model, other inputs), 3 slice (of the same operators),
  # 4 member (another model of an ensemble).

  graph @3 :Graph.Graph;

  storage @4 :UInt8;
  # A value of `troupe::dtype`: f16 or f32, how weights and activations are kept.

  device @5 :Text;
  # Which device of the node: "" the best, an index, a part of its name, "reference" or "null".

  restartIntensity @6 :UInt32;
  windowMs @7 :UInt32;
  # The node restarts the shard at most so often within so many milliseconds, then sends PartFailed.

  observer @8 :Common.ActorRef;
  # Who hears PartUp whenever the shard is ready, and PartFailed.

  host @9 :UInt32;
  # The coordinator's number for the node; PartUp and PartFailed repeat it, so that news from a node that was given up
  # is recognised.

  weights @10 :WeightManifest;
  # Constants that are not in `graph`, where they are the last inputs instead, in this order. The node fetches the chunks
  # that it does not have (ChunkRequest) and reports PartProgress. Empty: the graph is complete.

  holders @11 :List(Common.ActorRef);
  # Nodes that have these weights, the coordinator's own first; at most 256.
}

struct PartUp {
  # Node to observer: the shard is ready, at first and after each restart.

  planId @0 :UInt64;
  part @1 :UInt32;

  incarnation @2 :UInt64;
  # Grows with each restart. What an earlier incarnation says is out of date.

  shard @3 :Common.ActorRef;

  deviceName @4 :Text;
  # The device it runs on, for people.

  host @5 :UInt32;
  # As in LoadPart.

  nodeName @6 :Text;
}

struct PartFailed {
  # Node to observer: the part has failed for good (restarts exhausted, device gone). The plan needs another place.

  planId @0 :UInt64;
  part @1 :UInt32;
  failure @2 :Common.Error;

  host @3 :UInt32;
  # As in LoadPart.
}

struct UnloadPlan {
  # Coordinator to node: stop every shard of the plan. A plan that is not there is not an error.

  planId @0 :UInt64;
}

struct UnloadPart {
  # Coordinator to node: stop the shard of this part, which runs elsewhere now. Ignored unless the part was loaded last
  # with the same `host`.

  planId @0 :UInt64;
  part @1 :UInt32;
  host @2 :UInt32;
}

struct NodeLeaving {
  # Node to observer: this node is about to stop. It waits a while for its parts to be loaded elsewhere and unloaded
  # here.

  planId @0 :UInt64;
  host @1 :UInt32;
  # As in LoadPart.
}

struct Step {
  # One pass of one micro-batch through one part. Coordinator to the first shard, shard to shard, and from the last
  # shard (empty route) to the origin as the result.

  planId @0 :UInt64;

  request @1 :UInt64;
  # Which request of a user; chosen by the coordinator.

  attempt @2 :UInt32;
  # Grows when a micro-batch is issued again; results of earlier attempts are dropped by the origin.

  micro @3 :UInt32;
  # Which piece of the request's batch, from 0.

  stage @4 :UInt32;
  # Position of the receiver in the pipeline, from 0; the number of stages when the receiver is the origin.

  deadlineMs @5 :UInt32;
  # Milliseconds that are left for the request at the time of sending; time on the way is not counted. Clocks of two
  # machines are never compared.

  route @6 :List(Common.ActorRef);
  # Hops still to come after the receiver, next one first; at most 256.

  origin @7 :Common.ActorRef;
  # Who gets the result, or StepFailed.

  tensors @8 :List(Common.Tensor);
  # In the order of the part's inputs.

  slice @9 :UInt32;
  # Between slices of one model (tensor parallelism): who made these partial results, which belong to the exchange
  # after segment `stage` - 1. Such a step has no route; one with the inputs has stage 0 and a route of all slices and
  # the aggregator.

  stageSeconds @10 :List(Float32);
  # How long the device of each stage that the step has passed took, in their order; at most 256, finite and not
  # negative. Slices tell none.
}

struct StepFailed {
  # Shard to origin: this attempt gives no result.

  planId @0 :UInt64;
  request @1 :UInt64;
  attempt @2 :UInt32;
  micro @3 :UInt32;
  stage @4 :UInt32;
  # Where it failed.

  failure @5 :Common.Error;
}

struct Cancel {
  # Coordinator to shards: drop what you hold of this request. Never answered.

  planId @0 :UInt64;
  request @1 :UInt64;
}

struct NodeStatusRequest {
  # Anyone to node, as a request. Answered by NodeStatus.
}

struct Device {
  index @0 :UInt32;
  name @1 :Text;
  type @2 :Text;
  driver @3 :Text;
  memoryBytes @4 :UInt64;
}

struct TreeNode {
  # One actor of a supervision tree and those it supervises.

  name @0 :Text;
  kind @1 :Text;
  state @2 :Text;
  restarts @3 :UInt32;

  children @4 :List(TreeNode);
  # At most 24 levels in all.

  detail @5 :Text;
  # For people: the device, the address; may be empty.
}

struct NodeStatus {
  name @0 :Text;
  id @1 :Common.NodeId;
  devices @2 :List(Device);
  tree @3 :TreeNode;
  version @4 :Text;
  # Of Troupe.
}

struct ConnectPeer {
  # Coordinator to node, as a request: make a link to the node at `address` if there is none. Answered by Ok or an
  # error. So neighbours of a pipeline are connected before the first step needs them.

  address @0 :Text;
}

struct Ok {
  # The answer that says no more than that.
}

struct Ping {
  # To any actor, as a request: proves that it still takes messages out of its mailbox. Answered by Pong with the same
  # value.

  value @0 :UInt64;
}

struct Pong {
  value @0 :UInt64;
}

struct KillPart {
  # Fault injection, to node. Refused with `invalid_argument` unless the node was started with injection allowed.

  planId @0 :UInt64;
  part @1 :UInt32;

  how @2 :UInt8;
  # 1 the actor exits, 2 it throws, 3 it hangs, 4 its device reports lost, 5 the whole process dies.
}

struct ChunkRequest {
  # Any node to a node, as a request: give me this chunk of weights. Answered by Chunk. Whoever asks keeps few requests
  # under way, so that its link stays free for others.

  hash @0 :Data;
  # SHA-256 of the chunk, 32 bytes.
}

struct Chunk {
  data @0 :Common.Tensor;
  # uint8[n]; n is 0 when the node does not have the chunk. The receiver checks the hash.
}

struct PartProgress {
  # Node to observer, while the weights of a part are fetched.

  planId @0 :UInt64;
  part @1 :UInt32;

  host @2 :UInt32;
  # As in LoadPart.

  bytesDone @3 :UInt64;
  bytesTotal @4 :UInt64;

  bytesMoved @5 :UInt64;
  # Of those done: what came from other nodes; the rest was here already.
}

struct AbilityRequest {
  # Coordinator to node, as a request: how fast is your device? Answered by Ability, at once when it is known already,
  # after a few seconds of measuring otherwise.
}

struct Ability {
  # What the node's kernels reach on its device. Rates are positive, times are not negative, all are finite.

  device @0 :Text;
  driver @1 :Text;

  memoryBytes @2 :UInt64;
  # That parts of models may take.

  operationsPerS @3 :Float64;
  # Of products; a multiply-add counts as two.

  bytesPerS @4 :Float64;
  # Of weights that are read for a single row.

  dispatchS @5 :Float64;
  runS @6 :Float64;
  # Seconds that a further dispatch, and a run besides its dispatches, take.
}

struct LinkProbe {
  # Coordinator to node, as a request: take these bytes, so that the link can be timed. Answered by Ok.

  payload @0 :Common.Tensor;
  # A list of at most 4 MiB of uint8.
}

struct Sampling {
  # How tokens are chosen, as `troupe::sampling_options`; all numbers are finite.

  temperature @0 :Float64;
  topK @1 :UInt32;
  topP @2 :Float64;
  minP @3 :Float64;
  repetitionPenalty @4 :Float64;
  frequencyPenalty @5 :Float64;
  presencePenalty @6 :Float64;
  penaltyWindow @7 :UInt32;
  seed @8 :UInt64;
}

struct StreamRequest {
  # A prompt and how to go on with it, as `troupe::stream_request`.

  tokens @0 :List(Int32);
  # At most 1048576, none negative. Empty: the prompt is `text`.

  text @1 :Data;
  # At most 4 MiB.

  layout @2 :Text;
  system @3 :Data;
  addSpecial @4 :Bool;
  ignoreEnd @5 :Bool;
  tokensMax @6 :UInt32;
  # At least 1.

  sampling @7 :Sampling;
  stops @8 :List(Data);
  # At most 64 of at most 1024 bytes.

  deadlineMs @9 :UInt32;
  # At least 1.
}

struct OpenStream {
  # Client to a server of streams: send me the tokens of this request from `nextIndex` on. What the server does not know
  # it begins; what it knows by `id` goes on, and then `request` is not looked at. Whoever opened a stream last gets it.

  idHigh @0 :UInt64;
  idLow @1 :UInt64;
  # Drawn at random by the client; not 0.

  nextIndex @2 :UInt32;
  # How many tokens the client has.

  fingerprint @3 :UInt64;
  # Of prompt and tokens up to there, as StreamPart said it; 0 when the client has none. When it is not what the server
  # computes, the stream ends as failed.

  request @4 :StreamRequest;
}

struct StreamPart {
  # Server to client: tokens in order, without gaps and repetitions on one link.

  idHigh @0 :UInt64;
  idLow @1 :UInt64;

  first @2 :UInt32;
  # Index of the first token; tokens are numbered from 0, the prompt not counted.

  tokens @3 :List(Int32);
  # At most 4096; empty in the first part, which says that the request is accepted, and perhaps in the last one.

  text @4 :Data;
  # What can be printed after these tokens and could not before; at most 1 MiB.

  fingerprint @5 :UInt64;
  # After the last of `tokens`: the first 8 bytes, little-endian, of SHA-256(fingerprint before, token, model's hash).

  promptTokens @6 :UInt32;

  durable @7 :Bool;
  # The stream's tokens are in a log on disk. False: they end with the server's process.

  finished @8 :UInt8;
  # A value of `troupe::stream_finish`. With any but 0 this is the last part.

  failure @9 :Common.Error;
  # When finished as failed (7).

  retryAfterMs @10 :UInt32;
  # When refused as overloaded (8): do not try again earlier.
}

struct StreamAck {
  # Client to server: so many tokens have been consumed; the server makes only some hundreds more than that.

  idHigh @0 :UInt64;
  idLow @1 :UInt64;
  received @2 :UInt32;

  cancel @3 :Bool;
  # The client wants no more: the stream ends, and nobody can resume it.
}

struct Envelope {
  # The head of every message on a link.

  enum Kind {
    message @0;
    # No answer expected.

    request @1;
    # Answered exactly once, by `response` or `error` with the same correlation, or by the loss of the link.

    response @2;

    error @3;
    # The answer to a request is a failure. The body is an error.

    down @4;
    # To somebody who monitors: the actor `sender` has ended. The body is the reason, as an error.

    monitor @5;
    # `sender` wants to hear when `target` ends. If that has happened already, or there is no such actor, `down` comes
    # at once. Ends with the link. No body.

    demonitor @6;
    # Takes one `monitor` back. No body.
  }

  kind @0 :Kind;

  correlation @1 :UInt64;
  # Of a request: unique for its sender's side of the link. Of an answer: that of the request. Otherwise 0.

  target @2 :UInt64;
  # The actor on the receiving node; 1 is the node's root, which takes LoadPart, UnloadPart, UnloadPlan,
  # NodeStatusRequest, ConnectPeer, KillPart, ChunkRequest, AbilityRequest and LinkProbe. 2 is what serves streams, or
  # uses them: it takes OpenStream and StreamAck, or StreamPart.

  sender @3 :Common.ActorRef;
  # Who sent it, to be answered or monitored; may be nobody.

  body :union {
    none @4 :Void;
    error @5 :Common.Error;
    ok @6 :Ok;
    loadPart @7 :LoadPart;
    partUp @8 :PartUp;
    partFailed @9 :PartFailed;
    unloadPlan @10 :UnloadPlan;
    step @11 :Step;
    stepFailed @12 :StepFailed;
    cancel @13 :Cancel;
    nodeStatusRequest @14 :NodeStatusRequest;
    nodeStatus @15 :NodeStatus;
    connectPeer @16 :ConnectPeer;
    ping @17 :Ping;
    pong @18 :Pong;
    killPart @19 :KillPart;
    unloadPart @20 :UnloadPart;
    nodeLeaving @21 :NodeLeaving;
    chunkRequest @22 :ChunkRequest;
    chunk @23 :Chunk;
    partProgress @24 :PartProgress;
    abilityRequest @25 :AbilityRequest;
    ability @26 :Ability;
    linkProbe @27 :LinkProbe;
    openStream @28 :OpenStream;
    streamPart @29 :StreamPart;
    streamAck @30 :StreamAck;
  }
}
