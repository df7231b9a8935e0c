Ã© alert_id"Ã© identity*Ã© sensor_id2
Ã© boot_id8‡€€€€€€€€BÃ© timeJÃ© observed_timePZp
Ã© nameÃ© titleÃ© description"Ã© tags"Ã© tags*	Ã© attack*	Ã© attack2Ã© set_hash:Ã© priorityB	Ã© sourceb	Ã© outputj3
Ã© nameÃ© text €€€€€€€ğÿ(2Ã© list2Ã© listj3
Ã© nameÃ© text €€€€€€€ğÿ(2Ã© list2Ã© listr!
Ã© type€€€€€€€ğÿ „€€€€€€€€zäÿÿÿÿÿÿÿÿÿşÿÿÿÿÿÿÿÿÃ© start_time"Ã© name*Ã© exe2Ã© exe_path:Ã© args:Ã© args@JÃ© command_lineRÃ© cwdZÃ© envZÃ© env`hrÃ© user_namex‚Ã© group_nameˆïÿÿÿÿÿÿÿÿ’Ã© login_user_name˜íÿÿÿÿÿÿÿÿ¢Ã© session_leader¨ëÿÿÿÿÿÿÿÿ²Ã© capabilities_effectiveºÃ© capabilities_permittedÀÈĞÚÃ© exe_modified_timeàèòÃ© container_idø‚äÿÿÿÿÿÿÿÿÿşÿÿÿÿÿÿÿÿÃ© start_time"Ã© name*Ã© exe2Ã© exe_path:Ã© args:Ã© args@JÃ© command_lineRÃ© cwdZÃ© envZÃ© env`hrÃ© user_namex‚Ã© group_nameˆïÿÿÿÿÿÿÿÿ’Ã© login_user_name˜íÿÿÿÿÿÿÿÿ¢Ã© session_leader¨ëÿÿÿÿÿÿÿÿ²Ã© capabilities_effectiveºÃ© capabilities_permittedÀÈĞÚÃ© exe_modified_timeàèòÃ© container_idø‚äÿÿÿÿÿÿÿÿÿşÿÿÿÿÿÿÿÿÃ© start_time"Ã© name*Ã© exe2Ã© exe_path:Ã© args:Ã© args@JÃ© command_lineRÃ© cwdZÃ© envZÃ© env`hrÃ© user_namex‚Ã© group_nameˆïÿÿÿÿÿÿÿÿ’Ã© login_user_name˜íÿÿÿÿÿÿÿÿ¢Ã© session_leader¨ëÿÿÿÿÿÿÿÿ²Ã© capabilities_effectiveºÃ© capabilities_permittedÀÈĞÚÃ© exe_modified_timeàèòÃ© container_idøŠš
Ã© idÃ© name
Ã© runtime"Ã© image_repository*Ã© image_tag2Ã© image_digest:Ã© image_id@JÃ© created_timeR
Ã© keyÃ© valueR
Ã© keyÃ© valueX’r
Ã© namespaceÃ© nameÃ© uid"Ã© ip*
Ã© keyÃ© value*
Ã© keyÃ© value2Ã© workload_kind:Ã© workload_nameš%
Ã© name	Ã© kernelÃ© architecture¢"

Ã© projectÃ© locationÃ© nameªJ
Ã© pathÃ© raw_pathÃ© real_path (…€€€€€€€€2	Ã© device:
Ã© fs_path@ªJ
Ã© pathÃ© raw_pathÃ© real_path (…€€€€€€€€2	Ã© device:
Ã© fs_path@²K
Ã© protocolÃ© local_ip"Ã© remote_ip(2Ã© asked_ip8BÃ© unix_pathHº(€€€€€€€€Ã© first_timeÃ© last_timeÀÊÃ© truncatedÊÃ© truncatedÒÃ© sensor_versionòê
Ã© start_timeÃ© rule_set_hash *Ã© rules_error0†€€€€€€€€8‡€€€€€€€€@ˆ€€€€€€€€J
Ã© kind‚€€€€€€€€J
Ã© kind‚€€€€€€€€R
	Ã© reasonÃ© kindƒ€€€€€€€€R
	Ã© reasonÃ© kindƒ€€€€€€€€Z‚
Ã© nameÃ© stateƒ€€€€€€€€ „€€€€€€€€(…€€€€€€€€2Ã© last_error:
	Ã© reasonƒ€€€€€€€€:
	Ã© reasonƒ€€€€€€€€@ˆ€€€€€€€€Z‚
Ã© nameÃ© stateƒ€€€€€€€€ „€€€€€€€€(…€€€€€€€€2Ã© last_error:
	Ã© reasonƒ€€€€€€€€:
	Ã© reasonƒ€€€€€€€€@ˆ€€€€€€€€`Œ€€€€€€€€hpzÃ© impairedÂÌ
Ã© timeÃ© verification_reason"
Ã© missing"
Ã© missing*Ã© cluster_resource2Ã© cluster_uid:
Ã© keyÃ© value:
Ã© keyÃ© valueBÃ© release_channelJÃ© control_plane_versionPZÃ© node_poolbÃ© node_versionjÃ© node_resourcer*
Ã© api_versionÃ© kindÃ© name"Ã© uidr*
Ã© api_versionÃ© kindÃ© name"Ã© uidz
Ã© nameÃ© typez
Ã© nameÃ© type‚
Ã© titleÃ© url‚
Ã© titleÃ© urlŠÃ© next_steps’"
Ã© name	Ã© reasonÃ© until (