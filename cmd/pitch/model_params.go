package main

import (
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/container-football/pitch/model"
)

// modelParams has a flag for each parameter of package model, under its own name; a test holds the
// two lists together. What a parameter means is explained there.
type modelParams struct {
	LowerN    *float64 `name:"n" short:"n" param:"n" placeholder:"X" group:"Size and placement" help:"${explain_n}."`
	UpperN    *float64 `name:"N" short:"N" param:"N" placeholder:"X" group:"Size and placement" help:"${explain_N}."`
	LowerK    *float64 `name:"k" short:"k" param:"k" placeholder:"X" group:"Size and placement" help:"${explain_k}."`
	Placement *string  `name:"placement" param:"placement" placeholder:"NAME" group:"Size and placement" help:"${explain_placement}."`
	Objects   *float64 `name:"objects" param:"objects" placeholder:"X" group:"Size and placement" help:"${explain_objects}."`
	PerShard  *float64 `name:"per-shard" param:"per_shard" placeholder:"X" group:"Size and placement" help:"${explain_per_shard}."`
	UpperS    *float64 `name:"S" short:"S" param:"S" placeholder:"X" group:"Size and placement" help:"${explain_S}."`
	LowerW    *float64 `name:"w" short:"w" param:"w" placeholder:"X" group:"Size and placement" help:"${explain_w}."`
	Groups    *float64 `name:"groups" param:"groups" placeholder:"X" group:"Size and placement" help:"${explain_groups}."`
	Clusters  *float64 `name:"clusters" param:"clusters" placeholder:"X" group:"Size and placement" help:"${explain_clusters}."`
	Stripe    *float64 `name:"stripe" param:"stripe" placeholder:"X" group:"Size and placement" help:"${explain_stripe}."`
	Backup    *float64 `name:"backup" param:"backup" placeholder:"X" group:"Size and placement" help:"${explain_backup}."`
	UpperD    *float64 `name:"D" short:"D" param:"D" placeholder:"X" group:"Size and placement" help:"${explain_D}."`
	UpperP    *float64 `name:"P" short:"P" param:"P" placeholder:"X" group:"Size and placement" help:"${explain_P}."`
	UpperL    *float64 `name:"L" short:"L" param:"L" placeholder:"X" group:"Size and placement" help:"${explain_L}."`

	LowerP    *float64 `name:"p" short:"p" param:"p" placeholder:"X" group:"What is down at a random moment" help:"${explain_p}."`
	PCv       *float64 `name:"p-cv" param:"p_cv" placeholder:"X" group:"What is down at a random moment" help:"${explain_p_cv}."`
	PTable    *string  `name:"p-table" param:"p_table" placeholder:"P,P,…" group:"What is down at a random moment" help:"${explain_p_table}."`
	PBackup   *float64 `name:"p-backup" param:"p_backup" placeholder:"X" group:"What is down at a random moment" help:"${explain_p_backup}."`
	Racks     *float64 `name:"racks" param:"racks" placeholder:"X" group:"What is down at a random moment" help:"${explain_racks}."`
	PRack     *float64 `name:"p-rack" param:"p_rack" placeholder:"X" group:"What is down at a random moment" help:"${explain_p_rack}."`
	HoursRack *float64 `name:"hours-rack" param:"hours_rack" placeholder:"X" group:"What is down at a random moment" help:"${explain_hours_rack}."`
	Rooms     *float64 `name:"rooms" param:"rooms" placeholder:"X" group:"What is down at a random moment" help:"${explain_rooms}."`
	PRoom     *float64 `name:"p-room" param:"p_room" placeholder:"X" group:"What is down at a random moment" help:"${explain_p_room}."`
	HoursRoom *float64 `name:"hours-room" param:"hours_room" placeholder:"X" group:"What is down at a random moment" help:"${explain_hours_room}."`
	Sites     *float64 `name:"sites" param:"sites" placeholder:"X" group:"What is down at a random moment" help:"${explain_sites}."`
	PSite     *float64 `name:"p-site" param:"p_site" placeholder:"X" group:"What is down at a random moment" help:"${explain_p_site}."`
	HoursSite *float64 `name:"hours-site" param:"hours_site" placeholder:"X" group:"What is down at a random moment" help:"${explain_hours_site}."`
	Across    *string  `name:"across" param:"across" placeholder:"LEVEL" group:"What is down at a random moment" help:"${explain_across}."`
	PNetwork  *float64 `name:"p-network" param:"p_network" placeholder:"X" group:"What is down at a random moment" help:"${explain_p_network}."`
	PFrontend *float64 `name:"p-frontend" param:"p_frontend" placeholder:"X" group:"What is down at a random moment" help:"${explain_p_frontend}."`
	Frontends *float64 `name:"frontends" param:"frontends" placeholder:"X" group:"What is down at a random moment" help:"${explain_frontends}."`
	Remote    *float64 `name:"remote" param:"remote" placeholder:"X" group:"What is down at a random moment" help:"${explain_remote}."`
	UpperT    *float64 `name:"T" short:"T" param:"T" placeholder:"X" group:"What is down at a random moment" help:"${explain_T}."`
	LowerS    *float64 `name:"s" short:"s" param:"s" placeholder:"X" group:"What is down at a random moment" help:"${explain_s}."`

	LambdaPerH  *float64 `name:"lambda-per-h" param:"lambda_per_h" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_lambda_per_h}."`
	MuPerH      *float64 `name:"mu-per-h" param:"mu_per_h" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_mu_per_h}."`
	NodeGb      *float64 `name:"node-gb" param:"node_gb" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_node_gb}."`
	RebuildMbs  *float64 `name:"rebuild-mbs" param:"rebuild_mbs" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_rebuild_mbs}."`
	Rebuild     *string  `name:"rebuild" param:"rebuild" placeholder:"MODE" group:"What fails for good, and how it is repaired" help:"${explain_rebuild}."`
	SpeedUp     *float64 `name:"speed-up" param:"speed_up" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_speed_up}."`
	LsePerH     *float64 `name:"lse-per-h" param:"lse_per_h" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_lse_per_h}."`
	ScrubH      *float64 `name:"scrub-h" param:"scrub_h" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_scrub_h}."`
	Shape       *float64 `name:"shape" param:"shape" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_shape}."`
	ScaleH      *float64 `name:"scale-h" param:"scale_h" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_scale_h}."`
	TH          *float64 `name:"t-h" param:"t_h" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_t_h}."`
	OutagesPerY *float64 `name:"outages-per-y" param:"outages_per_y" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_outages_per_y}."`
	LowerQ      *float64 `name:"q" short:"q" param:"q" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_q}."`
	UpperF      *float64 `name:"F" short:"F" param:"F" placeholder:"X" group:"What fails for good, and how it is repaired" help:"${explain_F}."`

	UpperM        *float64 `name:"M" short:"M" param:"M" placeholder:"X" group:"Of the fixed formulas" help:"${explain_M}."`
	UpperR        *float64 `name:"R" short:"R" param:"R" placeholder:"X" group:"Of the fixed formulas" help:"${explain_R}."`
	UpperW        *float64 `name:"W" short:"W" param:"W" placeholder:"X" group:"Of the fixed formulas" help:"${explain_W}."`
	ChunksPerNode *float64 `name:"chunks-per-node" param:"chunks_per_node" placeholder:"X" group:"Of the fixed formulas" help:"${explain_chunks_per_node}."`
	UpperG        *float64 `name:"G" short:"G" param:"G" placeholder:"X" group:"Of the fixed formulas" help:"${explain_G}."`
	LowerM        *float64 `name:"m" short:"m" param:"m" placeholder:"X" group:"Of the fixed formulas" help:"${explain_m}."`
	LowerR        *float64 `name:"r" short:"r" param:"r" placeholder:"X" group:"Of the fixed formulas" help:"${explain_r}."`
	LowerL        *float64 `name:"l" short:"l" param:"l" placeholder:"X" group:"Of the fixed formulas" help:"${explain_l}."`
	Tolerate      *float64 `name:"tolerate" param:"tolerate" placeholder:"X" group:"Of the fixed formulas" help:"${explain_tolerate}."`
	Repair        *string  `name:"repair" param:"repair" placeholder:"MODE" group:"Of the fixed formulas" help:"${explain_repair}."`
	Afr           *float64 `name:"afr" param:"afr" placeholder:"X" group:"Of the fixed formulas" help:"${explain_afr}."`
	Days          *float64 `name:"days" param:"days" placeholder:"X" group:"Of the fixed formulas" help:"${explain_days}."`

	UsableTb       *float64 `name:"usable-tb" param:"usable_tb" placeholder:"X" group:"Of cost" help:"${explain_usable_tb}."`
	DiskTb         *float64 `name:"disk-tb" param:"disk_tb" placeholder:"X" group:"Of cost" help:"${explain_disk_tb}."`
	DisksPerServer *float64 `name:"disks-per-server" param:"disks_per_server" placeholder:"X" group:"Of cost" help:"${explain_disks_per_server}."`
	Raid           *float64 `name:"raid" param:"raid" placeholder:"X" group:"Of cost" help:"${explain_raid}."`
	Fill           *float64 `name:"fill" param:"fill" placeholder:"X" group:"Of cost" help:"${explain_fill}."`
	Compute        *float64 `name:"compute" param:"compute" placeholder:"X" group:"Of cost" help:"${explain_compute}."`
	SwitchPorts    *float64 `name:"switch-ports" param:"switch_ports" placeholder:"X" group:"Of cost" help:"${explain_switch_ports}."`
	Nof            *float64 `name:"nof" param:"nof" placeholder:"X" group:"Of cost" help:"${explain_nof}."`
	PriceServer    *float64 `name:"price-server" param:"price_server" placeholder:"X" group:"Of cost" help:"${explain_price_server}."`
	PriceTb        *float64 `name:"price-tb" param:"price_tb" placeholder:"X" group:"Of cost" help:"${explain_price_tb}."`
	PricePort      *float64 `name:"price-port" param:"price_port" placeholder:"X" group:"Of cost" help:"${explain_price_port}."`
}

// params are the flags that were given.
func (p *modelParams) params() model.Params {
	given := model.Params{}
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		name, ok := v.Type().Field(i).Tag.Lookup("param")
		if !ok || v.Field(i).IsNil() {
			continue
		}
		given[name] = v.Field(i).Elem().Interface()
	}
	return given
}

// explanations are the help texts of the flags.
func explanations() kong.Vars {
	vars := kong.Vars{}
	for _, name := range model.ParamNames() {
		text := model.Explain(name)
		vars["explain_"+name] = strings.ToUpper(text[:1]) + text[1:]
	}
	vars["explain_placement"] += ": " + strings.Join(model.Placements(), ", ")
	return vars
}
