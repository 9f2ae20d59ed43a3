# SPDX-License-Identifier: Apache-2.0
# Reads GoogleTest's XML. Prints a line for each test that ran:
#   passed SUITE.NAME
#   failed SUITE.NAME
#   skipped SUITE.NAME<tab>REASON

function attribute(name,    found) {
  found = $0
  if (!sub(".*[ ]" name "=\"", "", found)) return ""
  sub("\".*", "", found)
  return found
}

# The first line of a message is the place in the source; the reason is all that follows.
function reason(text) {
  if (!sub(/^[^&]*&#x0A;/, "", text)) text = ""
  gsub(/&#x0A;/, " ", text)
  gsub(/&lt;/, "<", text)
  gsub(/&gt;/, ">", text)
  gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "'", text)
  gsub(/&amp;/, "\\&", text)
  return text
}

function finish() {
  if (test != "") print verdict " " test (verdict == "skipped" ? "\t" why : "")
  test = ""
}

/^    <testcase / {
  finish()
  if (attribute("status") == "run") test = attribute("classname") "." attribute("name")
  verdict = attribute("result") == "skipped" ? "skipped" : "passed"
  why = ""
}
/^      <failure / { verdict = "failed" }
/^      <skipped / { if (why == "") why = reason(attribute("message")) }
/^<\/testsuites>/ { complete = 1 }
END {
  finish()
  exit complete ? 0 : 1
}
