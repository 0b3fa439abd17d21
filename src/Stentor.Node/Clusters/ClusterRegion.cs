using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>What a region says of itself in <c>_regions.ORIGIN</c>.</summary>
/// <param name="Origin">Its origin.</param>
/// <param name="Region">Its name.</param>
/// <param name="WishesVote">Whether it wishes to be a voter.</param>
/// <param name="HasLeft">Whether it has left the cluster; it does not come back under this origin.</param>
public sealed record ClusterRegion(OriginId Origin, string Region, bool WishesVote, bool HasLeft);
