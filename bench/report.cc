// SPDX-License-Identifier: Apache-2.0
// report DOCUMENT PLOT REPORT...: writes what measure found as tables between two marks of a
// Markdown document, and as a plot in SVG.
#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <iterator>

#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "bench/result.h"

namespace crunlite::bench {
namespace {

constexpr size_t kMaxBytes = 4 << 20;
constexpr std::string_view kBegin = "<!-- measured: begin -->\n";
constexpr std::string_view kEnd = "<!-- measured: end -->\n";

// Three digits that matter: 2.61, 26.1, 261.
std::string three_digits(uint64_t thousandths) {
  uint64_t whole = thousandths / 1000, rest = thousandths % 1000;
  if (whole >= 100) return cat(whole + (rest >= 500 ? 1 : 0));
  uint64_t unit = whole >= 10 ? 100 : 10;
  uint64_t rounded = (thousandths + unit / 2) / unit * unit;
  whole = rounded / 1000;
  rest = rounded % 1000 / unit;
  bool pad = unit == 10 && rest < 10;
  return cat(whole, ".", pad ? "0" : "", rest);
}

std::string milliseconds(uint64_t us) { return cat(three_digits(us), " ms"); }
std::string mebibytes(uint64_t kib) { return cat(three_digits(kib * 1000 / 1024), " MiB"); }

std::string ratio(uint64_t value, uint64_t reference) {
  return reference == 0 ? "-" : three_digits(value * 1000 / reference);
}

std::string table(const Group& group) {
  std::string text =
      cat("### ", group.name, "\n\n",
          "| program | median | best and worst tenth | times ours | processor | times"
          " ours | peak memory |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  const Case& ours = group.cases[0];
  for (const Case& one : group.cases) {
    text += cat("| ", one.name, " | ", milliseconds(one.wall_us), " | ");
    text += cat(milliseconds(one.wall_low_us), ", ", milliseconds(one.wall_high_us), " | ");
    text += cat(ratio(one.wall_us, ours.wall_us), " | ", milliseconds(one.cpu_us), " | ");
    text += cat(ratio(one.cpu_us, ours.cpu_us), " | ", mebibytes(one.peak_kib), " |\n");
  }
  return text + "\n";
}

std::string tables(const Report& report) {
  std::string text = "\n";
  for (const std::string& line : report.host) text += cat("- ", line, "\n");
  text += "\n";
  for (const Group& group : report.groups) {
    if (!group.cases.empty()) text += table(group);
  }
  return text;
}

Result<std::string> with_tables(const std::string& document, const Report& report) {
  size_t begin = document.find(kBegin);
  size_t end = document.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return fail(Kind::kInvalid, "no lines ", quote(kBegin), " and ", quote(kEnd));
  }
  begin += kBegin.size();
  return cat(document.substr(0, begin), tables(report), document.substr(end));
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

// Bars of the medians, to a scale of its own for each task: the longest fills the line.
class Plot {
 public:
  std::string draw(const Report& report) {
    for (const Group& group : report.groups) draw_group(group);
    return cat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", kWidth, "\" height=\"", y_ + 8,
               "\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" "
               "height=\"100%\" fill=\"#ffffff\"/>\n",
               body_, "</svg>\n");
  }

 private:
  static constexpr uint64_t kWidth = 760, kNames = 170, kBars = 460, kLine = 22;

  void draw_group(const Group& group) {
    uint64_t longest = 1;
    for (const Case& one : group.cases) longest = std::max(longest, one.wall_us);
    y_ += kLine + 8;
    body_ +=
        cat("<text x=\"8\" y=\"", y_, "\" font-weight=\"bold\">", escaped(group.name), "</text>\n");
    for (const Case& one : group.cases) draw_bar(one, longest, &one == &group.cases[0]);
  }

  void draw_bar(const Case& one, uint64_t longest, bool is_ours) {
    uint64_t length = std::max<uint64_t>(1, one.wall_us * kBars / longest);
    y_ += kLine;
    body_ += cat("<text x=\"", kNames - 8, "\" y=\"", y_, "\" text-anchor=\"end\">",
                 escaped(one.name), "</text>\n");
    body_ += cat("<rect x=\"", kNames, "\" y=\"", y_ - 13, "\" width=\"", length,
                 "\" height=\"16\" fill=\"", is_ours ? "#1f6feb" : "#9aa4af", "\"/>\n");
    body_ += cat("<text x=\"", kNames + length + 6, "\" y=\"", y_, "\">", milliseconds(one.wall_us),
                 "</text>\n");
  }

  std::string body_;
  uint64_t y_ = 0;
};

Status replace_file(const std::string& path, const std::string& text) {
  SplitPath at = split_path(path);
  std::string parent = at.parent.empty() ? "." : at.parent;
  DirFd folder = TRY(sys::open(parent.c_str(), O_PATH | O_DIRECTORY), parent);
  return write_atomic(folder.get(), at.name, text, 0644, Durability::kVolatile);
}

// The groups of all reports, on the host that the first one names.
Result<Report> read_reports(const std::vector<std::string>& paths) {
  Report all;
  for (const std::string& path : paths) {
    std::string text = TRY(read_file(AT_FDCWD, path, kMaxBytes), path);
    Report one = TRY(json::decode<Report>(TRY(json::parse(text), path)), path);
    if (all.host.empty()) all.host = std::move(one.host);
    std::move(one.groups.begin(), one.groups.end(), std::back_inserter(all.groups));
  }
  return all;
}

Status render(const std::string& document, const std::string& plot,
              const std::vector<std::string>& reports) {
  Report report = TRY(read_reports(reports));
  std::string before = TRY(read_file(AT_FDCWD, document, kMaxBytes), document);
  TRY(replace_file(document, TRY(with_tables(before, report), document)), document);
  TRY(replace_file(plot, Plot().draw(report)), plot);
  return {};
}

}  // namespace
}  // namespace crunlite::bench

int main(int argc, char** argv) {
  if (argc < 4) {
    fputs("usage: report DOCUMENT PLOT REPORT...\n", stderr);
    return 2;
  }
  auto done = crunlite::bench::render(argv[1], argv[2], {argv + 3, argv + argc});
  if (done.has_value()) return 0;
  fprintf(stderr, "report: %s\n", done.error().message.c_str());
  return 1;
}
