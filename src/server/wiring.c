/* The features of the server, in order. The order of INFO's sections and of initialisation follows it. */
#include "cmd/cmd_feature.h"
#include "net/net_feature.h"
#include "observe/observe_feature.h"
#include "persist/persist_feature.h"
#include "server/server_feature.h"
#include "server/server_impl.h"

#include "engine/feature.h"

const struct feature *const server_features[] = {&net_feature, &server_feature, &cmd_feature, &observe_feature,
                                               &persist_feature};
const int server_feature_count = (int)(sizeof(server_features) / sizeof(server_features[0]));
