// How the writing methods of the protocol are read. Pure.
#pragma once

#include "backend/protocol/parameters.hpp"
#include "backend/protocol/request.hpp"

namespace thor::backend {

// Each reads the parameters of the methods it is named after, and leaves what is wrong with them
// to the reader's `failure`. `what` is the method.

write_request read_set_metadata(const parameter_reader& from, method what);
write_request read_add_key(const parameter_reader& from, method what);
/// removeDomainKey, activateDomainKey and their like.
write_request read_key_edit(const parameter_reader& from, method what);
write_request read_set_tsig_key(const parameter_reader& from, method what);
write_request read_delete_tsig_key(const parameter_reader& from, method what);
write_request read_begin(const parameter_reader& from, method what);
write_request read_commit(const parameter_reader& from, method what);
write_request read_abort(const parameter_reader& from, method what);
write_request read_feed_record(const parameter_reader& from, method what);
write_request read_replace_rrset(const parameter_reader& from, method what);
write_request read_ents(const parameter_reader& from, method what);

} // namespace thor::backend
