from entryway.landscape.authserver_environment import tenant_url


def test_tenants_have_a_path_unless_the_environment_has_names_for_them() -> None:
    url = "https://localhost:8443"
    assert tenant_url({}, url) == "https://localhost:8443/t/{subdomain}"
    assert tenant_url({"ENTRYWAY_TENANT_URL": "https://{subdomain}.a.example"}, url) == "https://{subdomain}.a.example"
