// SPDX-License-Identifier: Apache-2.0
#include "base/options.h"

#include <algorithm>

#include "base/text.h"

namespace crunlite {

// One pass over the arguments.
struct Options::Scan {
  std::span<const OptionSpec> specs;
  std::span<const std::string> args;
  Options& out;
  size_t at = 0;

  [[nodiscard]] const OptionSpec* find(std::string_view name) const {
    auto spec = std::find_if(specs.begin(), specs.end(),
                             [&](const OptionSpec& candidate) { return candidate.name == name; });
    return spec == specs.end() ? nullptr : &*spec;
  }

  [[nodiscard]] const OptionSpec* find(char letter) const {
    auto spec = std::find_if(specs.begin(), specs.end(), [&](const OptionSpec& candidate) {
      return candidate.letter == letter && letter != '\0';
    });
    return spec == specs.end() ? nullptr : &*spec;
  }

  void store(const OptionSpec& spec, std::string value) {
    out.values_[std::string(spec.name)].push_back(std::move(value));
  }

  Status take_next_as_value(const OptionSpec& spec, std::string_view shown) {
    if (at >= args.size()) return fail(Kind::kInvalid, "option ", shown, ": needs a value");
    store(spec, args[at++]);
    return {};
  }

  Status take_long(std::string_view text) {
    const size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const OptionSpec* spec = find(name);
    if (spec == nullptr) return fail(Kind::kInvalid, "option --", name, ": is unknown");
    if (equals == std::string_view::npos) {
      if (!spec->value.empty()) return take_next_as_value(*spec, cat("--", name));
      store(*spec, "true");
      return {};
    }
    const std::string_view value = text.substr(equals + 1);
    if (spec->value.empty() && value != "true" && value != "false") {
      return fail(Kind::kInvalid, "option --", name, ": ", quote(value), " is not true or false");
    }
    store(*spec, std::string(value));
    return {};
  }

  // "-it", "-e VALUE", "-eVALUE".
  Status take_short(std::string_view letters) {
    while (!letters.empty()) {
      const OptionSpec* spec = find(letters[0]);
      if (spec == nullptr) return fail(Kind::kInvalid, "option -", letters[0], ": is unknown");
      const std::string_view rest = letters.substr(1);
      if (!spec->value.empty()) {
        if (rest.empty()) return take_next_as_value(*spec, cat("-", letters[0]));
        store(*spec, std::string(rest.starts_with('=') ? rest.substr(1) : rest));
        return {};
      }
      store(*spec, "true");
      letters = rest;
    }
    return {};
  }

  void take_rest() {
    out.positionals_.insert(out.positionals_.end(), args.begin() + static_cast<long>(at),
                            args.end());
    at = args.size();
  }
};

Result<Options> Options::parse(std::span<const OptionSpec> specs, std::span<const std::string> args,
                               Positionals positionals) {
  Options out;
  Scan scan{.specs = specs, .args = args, .out = out};
  while (scan.at < args.size()) {
    const std::string& arg = args[scan.at];
    const bool is_option = arg.size() > 1 && arg[0] == '-';
    if (!is_option && positionals == Positionals::kEndOptions) {
      scan.take_rest();
      break;
    }
    scan.at++;
    if (!is_option) {
      out.positionals_.push_back(arg);
    } else if (arg == "--") {
      scan.take_rest();
    } else if (arg.starts_with("--")) {
      TRY(scan.take_long(std::string_view(arg).substr(2)));
    } else {
      TRY(scan.take_short(std::string_view(arg).substr(1)));
    }
  }
  return out;
}

bool Options::has(std::string_view name) const {
  auto found = values_.find(name);
  return found != values_.end() && found->second.back() != "false";
}

std::string Options::value(std::string_view name, std::string_view otherwise) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::string(otherwise) : found->second.back();
}

std::vector<std::string> Options::values(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Result<int> Options::number(std::string_view name, int otherwise) const {
  auto found = values_.find(name);
  if (found == values_.end()) return otherwise;
  const std::string& text = found->second.back();
  const std::optional<int> number = parse_number<int>(text);
  if (number.has_value()) return *number;
  return fail(Kind::kInvalid, "option --", name, ": ", quote(text), " is not a whole number");
}

std::string options_help(std::span<const OptionSpec> specs) {
  constexpr size_t kColumn = 30;
  std::string text;
  for (const OptionSpec& spec : specs) {
    if (spec.is_hidden) continue;
    std::string line = spec.letter == '\0' ? "      " : cat("  -", spec.letter, ", ");
    line.append("--").append(spec.name);
    if (!spec.value.empty()) line.append(" ").append(spec.value);
    line.append(line.size() < kColumn ? std::string(kColumn - line.size(), ' ') : "  ");
    text.append(line).append(spec.help).append("\n");
  }
  return text;
}

}  // namespace crunlite
