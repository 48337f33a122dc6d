package model

import (
	"maps"
	"slices"
)

// Explain says in a few words what a parameter is, with its unit. It is empty for a name that no
// measure takes.
func Explain(name string) string { return explained[name] }

// ParamNames lists the names of all parameters, sorted.
func ParamNames() []string { return slices.Sorted(maps.Keys(explained)) }

var explained = map[string]string{
	"placement": "where replicas lie",

	"n": "logical volumes, one a unit of n·k servers; in a group or a code: its members",
	"k": "replicas; of a code: shards that hold data",
	"N": "nodes",
	"M": "groups that share no node",
	"R": "replicas",
	"s": "spread exponent: 0 counts services, 1 counts each mount of them",
	"T": "period of observation, hours",

	"objects":   "objects of each volume, each on one set of nodes; by default as many as there are sets",
	"S":         "scatter width: with how many other nodes a node shares data",
	"w":         "nodes after a node among which its other replicas are chosen",
	"W":         "nodes after a node among which its other replicas are chosen",
	"groups":    "placement groups",
	"clusters":  "separate clusters",
	"stripe":    "shards that a volume is striped over",
	"backup":    "nodes of the backup tier",
	"D":         "data shards",
	"P":         "parity shards; of an LRC: global ones",
	"L":         "local groups of an LRC, each with one local parity",
	"l":         "local groups, each with one local parity",
	"per_shard": "volumes that share a shard",

	"p":        "probability that a server is down at a random moment",
	"p_cv":     "uncertainty of p, which all servers share: standard deviation over mean",
	"p_backup": "probability that a server of the backup tier is down",
	"p_table":  "probabilities by server, separated by commas; they repeat when there are fewer than servers",
	"r":        "probability that a rack is down; of an LRC: global parities",
	"G":        "racks",
	"m":        "nodes in each rack",

	"racks": "racks, over which the servers are divided evenly", "p_rack": "probability that a rack is down",
	"rooms": "rooms, over which the racks are divided evenly", "p_room": "probability that a room is down",
	"sites": "data centres, over which the rooms are divided evenly", "p_site": "probability that a data centre is down",
	"hours_rack": "hours that a rack is down for, in the mean",
	"hours_room": "hours that a room is down for, in the mean",
	"hours_site": "hours that a data centre is down for, in the mean",
	"across":     "level over which replicas are spread: rack, room or site",

	"p_network":  "probability that the storage network is down",
	"p_frontend": "probability that a frontend (compute node) is down",
	"frontends":  "frontends; by default each volume has its own",
	"remote":     "share of the volumes that are used over the network; by default all",

	"F":               "nodes that fail at once",
	"q":               "probability that a node fails in an outage",
	"outages_per_y":   "outages a year",
	"chunks_per_node": "chunks that a node holds replicas of",

	"lambda_per_h": "failures of a node per hour",
	"mu_per_h":     "repairs per hour of one node",
	"tolerate":     "failed members of a group that never lose data",
	"repair":       "how failed members of a group are repaired: serial or parallel",
	"rebuild":      "how content is made anew: pair-speed, serial, declustered or critical-first",
	"speed_up":     "rebuild speed, over that of a pair",
	"node_gb":      "content of a node, GB",
	"rebuild_mbs":  "bandwidth that one node gives to a rebuild, MB/s; with node_gb in place of mu_per_h",
	"t_h":          "mission time, hours",
	"shape":        "shape of Weibull lifetimes: below 1 infant mortality, above 1 wear-out",
	"scale_h":      "scale of Weibull lifetimes, hours",
	"lse_per_h":    "latent sector errors of a node per hour",
	"scrub_h":      "time between two scrubs of a node, hours",
	"afr":          "annual failure rate: expected failures a year, such as 0.004",
	"days":         "days that a failed drive's rebuild takes",

	"usable_tb":        "usable capacity of the whole system, TB",
	"disk_tb":          "capacity of a disk, TB",
	"disks_per_server": "disks that a server holds",
	"raid":             "disks of a server's RAID over those that hold data; 1: none",
	"fill":             "share of the capacity that may be filled",
	"compute":          "servers that the applications need, with their spares",
	"switch_ports":     "ports of a switch",
	"nof":              "network overprovisioning: sum of the uplinks over the backbone; 1: none",
	"price_server":     "price of a server without disks, euros",
	"price_tb":         "price of disks, euros per TB",
	"price_port":       "price of a switch port with its cable, euros",
}
