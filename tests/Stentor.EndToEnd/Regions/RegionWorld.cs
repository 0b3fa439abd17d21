using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Regions;

/// <summary>Regions of one cluster, every link between them over a stretch of network of the test's own.</summary>
internal sealed class RegionWorld : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    private readonly TempDirectory _directory = new();
    private readonly List<LinkProxy> _links = [];
    private readonly List<(RegionProcess From, RegionProcess To, LinkProxy Link)> _edges = [];

    private RegionWorld()
    {
    }

    /// <summary>Who dials whom, by number: five regions in a ring.</summary>
    public static (int From, int To)[] Ring { get; } = [(1, 0), (2, 1), (3, 2), (4, 3), (4, 0)];

    /// <summary>Five regions in a tree.</summary>
    public static (int From, int To)[] Tree { get; } = [(1, 0), (2, 0), (3, 1), (4, 1)];

    /// <summary>The regions; the first one founded the cluster.</summary>
    public List<RegionProcess> Regions { get; } = [];

    /// <summary>The stretches of network between them.</summary>
    public IReadOnlyList<LinkProxy> Links => _links;

    /// <summary>The stretches of network from and to a region.</summary>
    /// <param name="region">The region.</param>
    public IEnumerable<LinkProxy> LinksOf(RegionProcess region) => _edges.Where(edge => edge.From == region || edge.To == region).Select(edge => edge.Link);

    /// <summary>The cluster's secret.</summary>
    public string Secret => File.ReadAllText(SecretFile).Trim();

    private string SecretFile => _directory["cluster.secret"];

    /// <summary>Starts regions, registers the tests' user, and waits until all of them take publishes.</summary>
    /// <param name="count">How many.</param>
    /// <param name="edges">Who dials whom; the first region dials nobody.</param>
    public static async Task<RegionWorld> StartAsync(int count, params (int From, int To)[] edges)
    {
        var world = new RegionWorld();
        try
        {
            for (var number = 0; number < count; number++)
            {
                var name = $"r{number}";
                world.Regions.Add(new RegionProcess(name, world._directory[name], world.SecretFile));
            }

            foreach (var (from, to) in edges)
            {
                world.Connect(world.Regions[from], world.Regions[to]);
            }

            await world.Regions[0].StartAsync();
            await world.Regions[0].WaitUntilReadyAsync(StartPatience);
            await world.Regions[0].Node.RegisterAsync();
            await Task.WhenAll(world.Regions.Skip(1).Select(region => region.StartAsync()));
            await Task.WhenAll(world.Regions.Select(region => region.WaitUntilReadyAsync(StartPatience)));
            await world.WaitUntilLevelAsync(StartPatience);
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    /// <summary>A region whose disk is gone comes back, as an operator would have it come back: with an empty directory and a link to a region of the cluster.</summary>
    /// <param name="region">The region, down.</param>
    public async Task StartNewAsync(RegionProcess region)
    {
        region.RemoveData();
        if (region.Links.Count == 0)
        {
            // The founder dialled nobody; without a link it would found another cluster.
            Connect(region, Regions.First(other => other != region));
        }

        await region.StartAsync();
    }

    /// <summary>Waits until every region has the same entries, and nothing waits anywhere.</summary>
    /// <param name="patience">Longest wait.</param>
    /// <returns>The version vector of all.</returns>
    public async Task<RegionView> WaitUntilLevelAsync(TimeSpan patience)
    {
        var end = DateTime.UtcNow + patience;
        while (true)
        {
            var views = await Task.WhenAll(Regions.Select(region => region.ViewAsync()));
            if (views.All(view => view is { IsReady: true, Waiting: 0 }) && views.Select(view => view.VectorText).Distinct().Count() == 1)
            {
                return views[0];
            }

            if (DateTime.UtcNow > end)
            {
                Assert.Fail($"The regions are not level after {patience.TotalSeconds} s:\n{string.Join('\n', views.Select(view => view.Text))}\n{string.Join('\n', Regions.Select(region => $"{region.Name}:\n{region.ErrorText}"))}");
            }

            // What others have is asked for: there is no signal for "all are level".
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var region in Regions)
        {
            await region.DisposeAsync();
        }

        foreach (var link in _links)
        {
            await link.DisposeAsync();
        }

        _directory.Dispose();
    }

    private void Connect(RegionProcess from, RegionProcess to)
    {
        var link = new LinkProxy(() => to.Up?.Http.Port);
        _links.Add(link);
        _edges.Add((from, to, link));
        from.Links.Add(link);
    }
}
