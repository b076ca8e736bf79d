#include "CairnSystem.h"
