// A shop on the types that openapi-typescript makes of both services, with openapi-fetch.
import createClient from "openapi-fetch";
import type { paths as AdProvider } from "./ad_provider.js";
import type { components, paths as Recommender } from "./recommender.js";

declare const process: { argv: string[] };
const [recommender, adProvider, token] = process.argv.slice(2);
const shop = createClient<Recommender>({ baseUrl: recommender, headers: { Authorization: `Token ${token}` } });

function holds(condition: unknown, text: unknown): asserts condition {
  if (!condition) throw new Error(JSON.stringify(text));
}

const found = await shop.GET("/products", { params: { query: { q: "pen", limit: 5, min_price: 0.5 } } });
holds(found.data?.length, found);
const facets = await shop.GET("/products/facets", { params: { query: { q: "pen" } } });
holds(facets.data?.total && facets.data.total >= found.data.length, facets);

const path = { asin: found.data[0].asin };
const { data: product, error } = await shop.GET("/products/{asin}", { params: { path } });
holds(product, error);
const title: string = product.title.trim();
const price: number | null = product.price;
holds(title && (price === null || price >= 0.5), product);
const review: components["schemas"]["ReviewRequest"] = { asin: product.asin, reviewerID: "typescript", overall: 4 };
const posted = await shop.POST("/reviews", { body: review });
holds(posted.data?.product_id === product.asin, posted);
const { id } = posted.data;
const reviews = await shop.GET("/products/{asin}/reviews", { params: { path } });
holds(reviews.data?.some((each) => each.id === id), reviews);

const similar = await shop.GET("/products/{asin}/recommendations", { params: { path, query: { limit: 3 } } });
holds(similar.data?.every((each) => each.rating.count >= 0 && each.source.length > 0), similar);
const shown = await shop.GET("/ads", { params: { query: { asin: product.asin, limit: 2 } } });
holds(shown.data?.every((ad) => ad.sponsored || ad.click_url), shown);
const chosen = await createClient<AdProvider>({ baseUrl: adProvider }).POST("/ads", { body: { asin: product.asin, limit: 2 } });
holds(Array.isArray(chosen.data) && chosen.data.length, chosen);
