module evalcampaign.dev/tools/pause

go 1.21
