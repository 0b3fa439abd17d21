using Stentor.Cli.Olympics.Replay;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Olympics;

/// <summary>What is read from a file of athletes, and what it adds up to.</summary>
public sealed class GamesTests
{
    private const string Header = "id,name,nationality,sex,date_of_birth,height,weight,sport,gold,silver,bronze,info";

    [Fact]
    public void Medals_are_played_sport_by_sport_and_each_has_an_id_of_its_own_and_the_score_after_it()
    {
        var games = Read(
            Header,
            "1,Ada,GBR,f,,,,archery,1,0,1,",
            "2,Bea,GRE,f,,,,judo,1,0,0,\"a note, with a comma\"",
            "3,Cia,gre,f,,,,archery,0,2,0,",
            "4,Dea,ROM,f,,,,archery,0,0,0,",
            "5,Eva,ROM,f,,,,golf,0,0,0,");

        Assert.Equal(
            [
                new Medal("medal-1-gold-1", "Ada", "GBR", "archery", "gold", "GBR leads with 1 medal"),
                new Medal("medal-1-bronze-1", "Ada", "GBR", "archery", "bronze", "GBR leads with 2 medals"),
                new Medal("medal-3-silver-1", "Cia", "GRE", "archery", "silver", "GBR leads with 2 medals"),
                new Medal("medal-3-silver-2", "Cia", "GRE", "archery", "silver", "GBR leads with 2 medals"),
                new Medal("medal-2-gold-1", "Bea", "GRE", "judo", "gold", "GRE leads with 1 medal"),
            ],
            games.Medals);
        Assert.Equal(["GBR", "GRE", "ROM"], games.Teams);
        Assert.Equal(["archery", "judo", "golf"], games.Sports);
        Assert.Equal([new("GBR", new Tally(1, 0, 1)), new("GRE", new Tally(1, 2, 0)), new("ROM", default)], games.Totals);
        Assert.Equal([new("archery", "GBR wins with 2 medals"), new("judo", "GRE wins with 1 medal")], games.Finals);
    }

    [Fact]
    public void Columns_may_stand_in_any_order()
    {
        var games = Read("gold,bronze,silver,sport,nationality,name,id", "1,3,2,judo,FRA,Ada,7");

        Assert.Equal([new("FRA", new Tally(1, 2, 3))], games.Totals);
    }

    [Theory]
    [InlineData("", "The file is empty")]
    [InlineData("id,name\n1,Ada", "Line 1: there are no columns nationality, sport, gold, silver, bronze; the first line must name id, name")]
    [InlineData("id,name,nationality,sport,gold,silver\n", "Line 1: there is no column bronze")]
    [InlineData(Header + "\n1,Ada,GBR,f,,,,archery,1,x,1,", "Line 2: 'x' is no count of silver medals: a whole number from 0 to 100.")]
    [InlineData(Header + "\n1,Ada,GBR,f,,,,archery,-1,0,1,", "Line 2: '-1' is no count of gold medals")]
    [InlineData(Header + "\n1,Ada,GBR,f,,,,archery,0,0,1000000000,", "Line 2: '1000000000' is no count of bronze medals")]
    [InlineData(Header + "\n1,Ada,GBR,f,,,,archery,0,,0,", "Line 2: '' is no count of silver medals")]
    [InlineData(Header + "\n1,Ada,GBR,f,,,,archery,0,0,0,\n1,Bea,GRE,f,,,,judo,0,0,0,", "Line 3: the id '1' stands in line 2 already.")]
    [InlineData(Header + "\n1,\"A\nda\",GBR,f,,,,archery,0,0,0,\n2,Bea,,f,,,,judo,0,0,0,", "Line 4: there is no nationality.")]
    [InlineData(Header + "\n1,Ada,GBR,f", "Line 2: it has 4 values, and the first line names more columns.")]
    [InlineData(Header + "\n1,\"Ada,GBR,f,,,,archery,0,0,0,\n", "Line 2: a quote is not closed.")]
    [InlineData(Header + "\n1,A\"da,GBR,f,,,,archery,0,0,0,\n", "Line 2: a quote stands in a value that does not begin with one.")]
    [InlineData(Header + "\n1,\"A\"da,GBR,f,,,,archery,0,0,0,\n", "Line 2: 'd' stands behind a quote that closes a value.")]
    public void A_file_that_is_none_of_athletes_is_refused_with_the_line_that_is_wrong(string text, string complaint)
    {
        var fault = Assert.Throws<FormatException>(() => Games.Read(new StringReader(text)));

        Assert.Contains(complaint, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quoted_values_hold_commas_quotes_and_line_breaks()
    {
        var rows = CsvReader.Read(new StringReader("a,\"b, \"\"c\"\"\r\nd\",\"\"\r\n\r\n\"e\",f,")).ToList();

        Assert.Equal([1, 4], rows.Select(row => row.Line));
        Assert.Equal(["a", "b, \"c\"\r\nd", ""], rows[0].Cells);
        Assert.Equal(["e", "f", ""], rows[1].Cells);
    }

    [Fact]
    public void Rio_2016_had_2025_medals_for_207_teams_in_28_sports()
    {
        using var text = File.OpenText(Repository.PathOf("examples", "data", "olympics", "athletes.csv"));

        var games = Games.Read(text);

        Assert.Equal((207, 28, 2_025), (games.Teams.Count, games.Sports.Count, games.Medals.Count));
        Assert.Equal(games.Medals.Count, games.Medals.Select(medal => medal.Id).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal("USA", new MedalTable(games.Totals).Rows[0].Team);
        Assert.Equal(games.Medals.Count, games.Totals.Values.Sum(tally => tally.Total));
    }

    [Fact]
    public void The_table_is_ordered_by_gold_then_silver_then_bronze_then_name()
    {
        var table = new MedalTable(new Dictionary<string, Tally>
        {
            ["none"] = default,
            ["b"] = new(1, 0, 2),
            ["a"] = new(1, 0, 2),
            ["silver"] = new(0, 9, 9),
            ["gold"] = new(1, 1, 0),
        });

        Assert.Equal(["gold", "a", "b", "silver"], table.Rows.Select(row => row.Team));
        Assert.Equal("   4  silver       0       9       9      18", table.ForPeople().Last());
        Assert.Equal("""{"team":"gold","gold":1,"silver":1,"bronze":0}""", table.ForPrograms().First());
    }

    [Fact]
    public void A_tally_that_differs_is_told_with_what_it_should_be()
    {
        var expected = new Dictionary<string, Tally> { ["GBR"] = new(1, 0, 0), ["GRE"] = new(2, 0, 0), ["ROM"] = default };

        var differences = MedalTable.Differences(expected, new Dictionary<string, Tally> { ["GBR"] = new(1, 0, 0) });

        Assert.Equal(["GRE has 0 gold, 0 silver, 0 bronze in place of 2 gold, 0 silver, 0 bronze"], differences);
    }

    [Theory]
    [InlineData("500/s", 500.0)]
    [InlineData("0.5", 0.5)]
    [InlineData("off", null)]
    public void A_rate_is_medals_a_second(string text, double? expected)
    {
        Assert.True(ReplayRate.TryParse(text, out var perSecond));
        Assert.Equal(expected, perSecond);
    }

    private static Games Read(params string[] lines) => Games.Read(new StringReader(string.Join('\n', lines)));
}
