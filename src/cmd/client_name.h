/* The name of a connection, which CLIENT SETNAME and HELLO give. */
#ifndef CAIRN_CMD_CLIENT_NAME_H
#define CAIRN_CMD_CLIENT_NAME_H

#include "base/slice.h"

struct ctx;

/* False, and the error is replied, when the name holds a character that would break the lines of CLIENT LIST. Empty:
 * no name. */
bool client_set_name_or_reply(struct ctx *ctx, struct slice name);

#endif
