from rest_framework.routers import SimpleRouter

from catalog.review_viewsets import ReviewViewSet
from catalog.viewsets import ProductViewSet

router = SimpleRouter(trailing_slash=False)
router.register("products", ProductViewSet, basename="product")
router.register("reviews", ReviewViewSet, basename="review")

urlpatterns = router.urls
