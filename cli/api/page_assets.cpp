#include "cli/api/page_assets.h"

#include "lib/base/embed.h"

HEADSCOPE_EMBED(served_page_html, HEADSCOPE_API_ASSETS "/page.html")
HEADSCOPE_EMBED(served_page_css, HEADSCOPE_API_ASSETS "/page.css")
HEADSCOPE_EMBED(served_page_js, HEADSCOPE_API_ASSETS "/page.js")
