// SPDX-License-Identifier: Apache-2.0
#include "image/import_names.h"

#include <algorithm>

namespace crunlite::image {
namespace {

std::string name_in_source(const oci::Descriptor& descriptor) {
  // containerd writes the whole name, while its ref.name is the tag alone.
  for (std::string_view key : {oci::kAnnotationContainerdName, oci::kAnnotationRefName}) {
    auto found = descriptor.annotations.find(std::string(key));
    if (found != descriptor.annotations.end() && !found->second.empty()) return found->second;
  }
  return "";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "latest", "12.1" and "v3" tell the tag of an image, but not which one.
bool is_tag_alone(std::string_view name) {
  if (name.find_first_of("/:@") != std::string_view::npos) return false;
  if (name == "latest" || (!name.empty() && is_digit(name[0]))) return true;
  return name.size() > 1 && name[0] == 'v' && is_digit(name[1]);
}

Result<oci::Reference> own_name(const std::string& name) {
  if (is_tag_alone(name)) {
    return fail(Kind::kInvalid, "the source names only the tag ", quote(name),
                ": give NAME:", name);
  }
  Result<oci::Reference> reference = oci::Reference::parse(name);
  if (!reference.has_value()) {
    return std::unexpected(with_context(reference.error(), "the source's name ", quote(name)));
  }
  reference->digest.reset();  // it says which one was meant, and that is what the source holds
  if (reference->tag.empty()) reference->tag = "latest";
  return reference;
}

std::string list_of(const std::vector<Offer>& offers) {
  constexpr size_t kNamed = 12;
  std::vector<std::string> names;
  for (const Offer& offer : offers) {
    if (names.size() == kNamed) {
      names.emplace_back("...");
      break;
    }
    names.push_back(offer.names.empty() ? "one without a name" : quote(offer.names[0]));
  }
  return join(names, ", ");
}

// Whether a source's own name, which may be a tag alone, is the name that was asked for.
bool is_named(const Offer& offer, const oci::Reference& wanted) {
  return std::ranges::any_of(offer.names, [&](const std::string& name) {
    if (is_tag_alone(name)) return name == wanted.tag;
    Result<oci::Reference> reference = own_name(name);
    return reference.has_value() && *reference == wanted;
  });
}

std::vector<size_t> with_ref(const std::vector<Offer>& offers, const std::string& ref) {
  std::vector<size_t> found;
  for (size_t i = 0; i < offers.size(); i++) {
    bool named = std::ranges::find(offers[i].names, ref) != offers[i].names.end();
    if (ref.empty() || named) found.push_back(i);
  }
  return found;
}

Result<std::vector<Picked>> pick_one(const std::vector<Offer>& offers, std::vector<size_t> among,
                                     const oci::Reference& name) {
  if (among.size() > 1) {
    std::erase_if(among, [&](size_t at) { return !is_named(offers[at], name); });
  }
  if (among.size() != 1) {
    return fail(Kind::kConflict, "the source holds several images: choose one by --ref, there are ",
                list_of(offers));
  }
  return std::vector<Picked>{{among[0], {name}}};
}

}  // namespace

std::vector<Offer> offers_of(const oci::Index& index) {
  std::vector<Offer> offers;
  for (const oci::Descriptor& manifest : index.manifests) {
    std::string name = name_in_source(manifest);
    auto same = std::ranges::find_if(offers, [&](const Offer& offer) {
      return name.empty() ? offer.names.empty() : !offer.names.empty() && offer.names[0] == name;
    });
    if (same == offers.end()) {
      Offer offer;
      if (!name.empty()) offer.names.push_back(name);
      same = offers.insert(offers.end(), std::move(offer));
    }
    same->manifests.push_back(manifest);
  }
  return offers;
}

Result<std::vector<Picked>> pick_images(const std::vector<Offer>& offers,
                                        const NameChoice& choice) {
  if (offers.empty()) return fail(Kind::kNotFound, "the source holds no image");
  std::vector<size_t> among = with_ref(offers, choice.ref);
  if (among.empty()) {
    return fail(Kind::kNotFound, "the source holds no image ", quote(choice.ref), ", there are ",
                list_of(offers));
  }
  if (!choice.name.empty()) return pick_one(offers, among, TRY(parse_name(choice.name)));
  std::vector<Picked> picked;
  for (size_t at : among) {
    if (offers[at].names.empty()) {
      return fail(Kind::kInvalid, "the source does not name its image: give NAME[:TAG]");
    }
    Picked one;
    one.offer = at;
    for (const std::string& name : offers[at].names) one.names.push_back(TRY(own_name(name)));
    picked.push_back(std::move(one));
  }
  return picked;
}

Result<oci::Reference> parse_name(std::string_view text) {
  oci::Reference reference = TRY(oci::Reference::parse(text), "name ", quote(text));
  if (reference.digest.has_value()) {
    return fail(Kind::kInvalid, "name ", quote(text), ": expected NAME[:TAG] without a digest");
  }
  return reference;
}

}  // namespace crunlite::image
