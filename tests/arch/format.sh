#!/bin/sh
# format.sh CLANG-FORMAT ROOT: every C++ file is as contrib/dev format leaves it.
cd "$2" || exit 1
find backend contrib coordinator schema tests zone \( -name '*.cpp' -o -name '*.hpp' \) -print0 |
  xargs -0 "$1" --dry-run -Werror || { echo "contrib/dev format mends this"; exit 1; }
