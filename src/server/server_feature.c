/* The server feature: directives without commands. */
#include "server/server_feature.h"

#include "engine/engine.h"
#include "server/future_config.h"
#include "server/server_config.h"

static void *init(struct engine *e)
{
    struct config *c = engine_config(e);
    config_register(c, server_config_items, server_config_item_count, c);
    config_register(c, future_config_items, future_config_item_count, c);
    return NULL;
}

const struct feature server_feature = {.name = "server", .init = init};
