/* The net feature: it has directives and no commands. */
#include "net/net_feature.h"

#include "engine/engine.h"
#include "net/net_config.h"

static void *init(struct engine *e)
{
    struct net_settings *settings = net_settings_new(engine_config(e));
    config_register(engine_config(e), net_config_items, net_config_item_count, settings);
    return settings;
}

static void stop(struct engine *e, void *state)
{
    (void)e;
    net_settings_free(state);
}

const struct feature net_feature = {.name = "net", .init = init, .stop = stop};
