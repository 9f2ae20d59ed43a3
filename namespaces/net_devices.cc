// SPDX-License-Identifier: Apache-2.0
#include "namespaces/net_devices.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>

#include <algorithm>

#include "base/sys.h"
#include "namespaces/netlink.h"

namespace crunlite::namespaces {
namespace {

using netlink::Request;

struct Link {
  int index = 0;
  std::string name;
  bool is_up = false;
};

template <class T>
T header_of(const std::string& body) {
  T header{};
  memcpy(&header, body.data(), std::min(sizeof header, body.size()));
  return header;
}

Result<std::vector<Link>> list_links(int socket) {
  std::vector<Link> links;
  Request request(RTM_GETLINK, NLM_F_DUMP);
  request.header(ifinfomsg{});
  for (const std::string& body : TRY(netlink::dump(socket, request))) {
    const auto header = header_of<ifinfomsg>(body);
    std::string name = netlink::attributes_of(body, sizeof header)[IFLA_IFNAME];
    while (name.ends_with('\0')) name.pop_back();
    links.push_back({.index = header.ifi_index,
                     .name = std::move(name),
                     .is_up = (header.ifi_flags & IFF_UP) != 0});
  }
  return links;
}

const Link* find_link(const std::vector<Link>& links, std::string_view name) {
  const auto found = std::ranges::find(links, name, &Link::name);
  return found == links.end() ? nullptr : &*found;
}

// What the kernel keeps of an address that it is given: its flags are partly of its own making.
Result<std::vector<DeviceAddress>> list_addresses(int socket, int index) {
  constexpr uint32_t kGivenFlags =
      IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE;
  std::vector<DeviceAddress> addresses;
  Request request(RTM_GETADDR, NLM_F_DUMP);
  request.header(ifaddrmsg{});
  for (const std::string& body : TRY(netlink::dump(socket, request))) {
    auto header = header_of<ifaddrmsg>(body);
    if (static_cast<int>(header.ifa_index) != index || header.ifa_scope != RT_SCOPE_UNIVERSE) {
      continue;
    }
    std::map<uint16_t, std::string> found = netlink::attributes_of(body, sizeof header);
    uint32_t flags = header.ifa_flags;
    if (found[IFA_FLAGS].size() == sizeof flags) {
      memcpy(&flags, found[IFA_FLAGS].data(), sizeof flags);
    }
    if ((flags & IFA_F_PERMANENT) == 0) continue;
    header.ifa_flags = 0;
    Request again(RTM_NEWADDR, 0);
    again.header(header);
    for (uint16_t type : {IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_RT_PRIORITY}) {
      if (!found[type].empty()) again.attribute(type, found[type]);
    }
    again.number(IFA_FLAGS, flags & kGivenFlags);
    addresses.push_back({again.text().substr(NLMSG_HDRLEN)});
  }
  return addresses;
}

Status add_addresses(int socket, int index, const std::vector<DeviceAddress>& addresses) {
  for (const DeviceAddress& address : addresses) {
    auto header = header_of<ifaddrmsg>(address.text);
    header.ifa_index = static_cast<uint32_t>(index);
    Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
    request.header(header);
    for (const auto& [type, value] : netlink::attributes_of(address.text, sizeof header)) {
      request.attribute(type, value);
    }
    TRY(netlink::send(socket, request), "set its address");
  }
  return {};
}

Status set_up(int socket, int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  header.ifi_flags = header.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, NLM_F_ACK);
  request.header(header);
  return in_context(netlink::send(socket, request), "set up");
}

Status send_to_space(int socket, int index, int space, const std::string& name) {
  ifinfomsg header{};
  header.ifi_index = index;
  Request request(RTM_NEWLINK, NLM_F_ACK);
  request.header(header);
  request.number(IFLA_NET_NS_FD, static_cast<uint32_t>(space));
  request.attribute(IFLA_IFNAME, std::string_view(name.c_str(), name.size() + 1));
  return netlink::send(socket, request);
}

// The one that came in between the two lists; its number and name may be the kernel's choice.
const Link* find_newcomer(const std::vector<Link>& before, const std::vector<Link>& after,
                          const std::string& name) {
  const std::string prefix = name.substr(0, name.find('%'));
  for (const Link& link : after) {
    const bool was_there = std::ranges::find(before, link.index, &Link::index) != before.end();
    if (!was_there && link.name.starts_with(prefix)) return &link;
  }
  return nullptr;
}

}  // namespace

Result<DeviceMove> DeviceMove::prepare(UniqueFd space) {
  UniqueFd own = TRY(sys::open("/proc/self/ns/net", O_RDONLY), "/proc/self/ns/net");
  UniqueFd host = TRY(netlink::open_route_socket());
  TRY(sys::setns(space.get(), CLONE_NEWNET), "enter the container's network namespace");
  Result<UniqueFd> inner = netlink::open_route_socket();
  TRY(sys::setns(own.get(), CLONE_NEWNET), "return to the runtime's network namespace");
  UniqueFd inner_socket = TRY(std::move(inner));
  return DeviceMove(std::move(own), std::move(space), std::move(host), std::move(inner_socket));
}

Status DeviceMove::move(const oci::NetDevices& devices) {
  for (const auto& [host_name, device] : devices) {
    TRY(move_one(host_name, device.name.empty() ? host_name : device.name), "linux.netDevices[",
        quote(host_name), "]");
  }
  return {};
}

Status DeviceMove::move_one(const std::string& host_name, const std::string& name) {
  const std::vector<Link> links = TRY(list_links(host_.get()));
  const Link* link = find_link(links, host_name);
  if (link == nullptr) return fail(Kind::kNotFound, "the host has no such device");
  const std::vector<Link> before = TRY(list_links(inner_.get()));
  if (find_link(before, name) != nullptr) {
    return fail(Kind::kExists, "the container has a device ", quote(name), " already");
  }
  MovedDevice device{.host_name = host_name,
                     .name = name,
                     .index = 0,
                     .was_up = link->is_up,
                     .addresses = TRY(list_addresses(host_.get(), link->index))};
  Status sent = send_to_space(host_.get(), link->index, space_.get(), name);
  const std::vector<Link> after = TRY(list_links(inner_.get()));
  // The kernel may have moved it and then failed to give it its name.
  const Link* arrived = find_newcomer(before, after, sent.has_value() ? name : host_name);
  if (arrived != nullptr) {
    device.index = arrived->index;
    device.name = arrived->name;
    moved_.push_back(device);
  }
  TRY(std::move(sent), "move it");
  if (arrived == nullptr) return fail(Kind::kBug, "it did not arrive");
  TRY(add_addresses(inner_.get(), device.index, device.addresses));
  return set_up(inner_.get(), device.index);
}

Status DeviceMove::give_one_back(const MovedDevice& device) {
  TRY(send_to_space(inner_.get(), device.index, host_space_.get(), device.host_name));
  const std::vector<Link> links = TRY(list_links(host_.get()));
  const Link* link = find_link(links, device.host_name);
  if (link == nullptr) return fail(Kind::kBug, "it did not come back under its name");
  TRY(add_addresses(host_.get(), link->index, device.addresses));
  return device.was_up ? set_up(host_.get(), link->index) : Status();
}

Status DeviceMove::give_back() {
  Status first;
  for (const MovedDevice& device : moved_) {
    Status back = in_context(give_one_back(device), "linux.netDevices[", quote(device.host_name),
                             "]: move it back to the host");
    if (first.has_value()) first = std::move(back);
  }
  moved_.clear();
  return first;
}

}  // namespace crunlite::namespaces
