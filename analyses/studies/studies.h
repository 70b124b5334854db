// The list of studies; each is the file of its name.
#pragma once

#include "analyses/studies/study.h"

namespace headscope {

Study sae_circuits_study();
Study eap_study();
Study acdc_study();

}  // namespace headscope
