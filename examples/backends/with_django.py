from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

from entryway.security.django import require_attribute, require_scope

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["entryway.security.django.RequireToken"],  # nobody without a token, wherever
        ROOT_URLCONF=__name__,
    )
PRODUCTS = ["Bread", "Milk"]


@require_scope("Display")
def products(request):
    return JsonResponse(PRODUCTS, safe=False)


@require_scope("Edit")
@require_attribute("country", "DE")
def add(request, name):
    return JsonResponse([*PRODUCTS, name], safe=False)


def me(request):
    user = request.security_context
    return JsonResponse(f"{user.get_given_name()} {user.get_family_name()}", safe=False)


urlpatterns = [path("products", products), path("products/<name>", add), path("me", me)]
app = get_wsgi_application()
