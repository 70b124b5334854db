// The built-in steering methods, a file each in methods/.
#pragma once

#include "analyses/steering/steer_method.h"

namespace headscope {

SteerMethod mean_diff_method();
SteerMethod pca_method();
SteerMethod iti_method();
SteerMethod knockout_method();
SteerMethod scale_method();
SteerMethod temperature_method();
SteerMethod function_vector_method();
SteerMethod boost_method();
SteerMethod lofit_method();
SteerMethod vhr_method();
SteerMethod pasta_method();
SteerMethod act_method();
SteerMethod low_rank_method();
SteerMethod successor_shift_method();

}  // namespace headscope
