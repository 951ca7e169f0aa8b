// Fault injection for tests of programs that use Troupe: plans of faults, the places where they happen, and what must
// hold nevertheless. Nothing here does anything until it is called, and then only to what it has started itself.
#pragma once

#include "troupe/chaos/cluster.hpp"
#include "troupe/chaos/draw.hpp"
#include "troupe/chaos/fault.hpp"
#include "troupe/chaos/real.hpp"
#include "troupe/chaos/report.hpp"
#include "troupe/chaos/scenario.hpp"
#include "troupe/chaos/shrink.hpp"
#include "troupe/chaos/simulated.hpp"
