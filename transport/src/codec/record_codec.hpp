// One `write` and one `read` for each record of `records.hpp`.
#pragma once

#include "codec/record_reader.hpp"
#include "codec/record_writer.hpp"
#include "troupe/transport/schema/wire.capnp.h"

namespace troupe::wire {

result<void> write(const load_part& record, schema::LoadPart::Builder to, record_writer& with);
result<void> write(const part_up& record, schema::PartUp::Builder to, record_writer& with);
result<void> write(const part_failed& record, schema::PartFailed::Builder to, record_writer& with);
result<void> write(const unload_plan& record, schema::UnloadPlan::Builder to, record_writer& with);
result<void> write(const unload_part& record, schema::UnloadPart::Builder to, record_writer& with);
result<void> write(const node_leaving& record, schema::NodeLeaving::Builder to, record_writer& with);
result<void> write(const step& record, schema::Step::Builder to, record_writer& with);
result<void> write(const step_failed& record, schema::StepFailed::Builder to, record_writer& with);
result<void> write(const cancel& record, schema::Cancel::Builder to, record_writer& with);
result<void> write(const node_status& record, schema::NodeStatus::Builder to, record_writer& with);
result<void> write(const connect_peer& record, schema::ConnectPeer::Builder to, record_writer& with);
result<void> write(const ping& record, schema::Ping::Builder to, record_writer& with);
result<void> write(const pong& record, schema::Pong::Builder to, record_writer& with);
result<void> write(const kill_part& record, schema::KillPart::Builder to, record_writer& with);
result<void> write(const weight_manifest& record, schema::WeightManifest::Builder to);
result<void> write(const chunk_request& record, schema::ChunkRequest::Builder to, record_writer& with);
result<void> write(const chunk& record, schema::Chunk::Builder to, record_writer& with);
result<void> write(const part_progress& record, schema::PartProgress::Builder to, record_writer& with);
result<void> write(const ability& record, schema::Ability::Builder to, record_writer& with);
result<void> write(const link_probe& record, schema::LinkProbe::Builder to, record_writer& with);
result<void> write(const open_stream& record, schema::OpenStream::Builder to, record_writer& with);
result<void> write(const stream_part& record, schema::StreamPart::Builder to, record_writer& with);
result<void> write(const stream_ack& record, schema::StreamAck::Builder to, record_writer& with);

result<void> read(schema::LoadPart::Reader from, load_part& into, record_reader& with);
result<void> read(schema::PartUp::Reader from, part_up& into, record_reader& with);
result<void> read(schema::PartFailed::Reader from, part_failed& into, record_reader& with);
result<void> read(schema::UnloadPlan::Reader from, unload_plan& into, record_reader& with);
result<void> read(schema::UnloadPart::Reader from, unload_part& into, record_reader& with);
result<void> read(schema::NodeLeaving::Reader from, node_leaving& into, record_reader& with);
result<void> read(schema::Step::Reader from, step& into, record_reader& with);
result<void> read(schema::StepFailed::Reader from, step_failed& into, record_reader& with);
result<void> read(schema::Cancel::Reader from, cancel& into, record_reader& with);
result<void> read(schema::NodeStatus::Reader from, node_status& into, record_reader& with);
result<void> read(schema::ConnectPeer::Reader from, connect_peer& into, record_reader& with);
result<void> read(schema::Ping::Reader from, ping& into, record_reader& with);
result<void> read(schema::Pong::Reader from, pong& into, record_reader& with);
result<void> read(schema::KillPart::Reader from, kill_part& into, record_reader& with);
result<void> read(schema::WeightManifest::Reader from, weight_manifest& into, record_reader& with);
result<void> read(schema::ChunkRequest::Reader from, chunk_request& into, record_reader& with);
result<void> read(schema::Chunk::Reader from, chunk& into, record_reader& with);
result<void> read(schema::PartProgress::Reader from, part_progress& into, record_reader& with);
result<void> read(schema::Ability::Reader from, ability& into, record_reader& with);
result<void> read(schema::LinkProbe::Reader from, link_probe& into, record_reader& with);
result<void> read(schema::OpenStream::Reader from, open_stream& into, record_reader& with);
result<void> read(schema::StreamPart::Reader from, stream_part& into, record_reader& with);
result<void> read(schema::StreamAck::Reader from, stream_ack& into, record_reader& with);

}  // namespace troupe::wire
