"""How are the demo's people called? Lists by group, the common names first: frequencies fall as rank rises (Zipf).

Written down from general knowledge of common names; no list of anybody's was used. NICKNAMES is the demo's own, not the
linkage's: what linkage does not know must be able to go wrong.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


ENDINGS = _words(
    "worth stead ley ton ham field well by thorpe wick combe den hurst shaw croft bridge dale gate more land"
)
STEMS = _words("""
    Ash Hal Brad Whit Black Horn Mar Dun Thorn Wake Red Stan Hol Barn Hart Lang Wood Nor Sut Wes East Green Hay Kirk
    Locks Mil Old Pen Ravens Shep Sil Thurl Under Wal Yar Birk Cot Elm Farn Gold
""")
SURNAMES: dict[str, list[str]] = {
    "british": _words("""
        Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Wright Robinson Thompson Evans Walker White
        Roberts Green Hall Wood Jackson Clarke Clark Harrison Scott Cooper King Davis Baker Martin Morris James
        Turner Harris Ward Hughes Moore Edwards Hill Anderson Lee Watson Allen Parker Mitchell Young Bailey Bennett
        Carter Cook Richardson Morgan Shaw Bell Collins Phillips Murphy Miller Cox Kelly Marshall Simpson Price
        Adams Griffiths Wilkinson Webb Foster Chapman Ellis Lloyd Gray Stevens Mason Rogers Hunt Russell Palmer
        Holmes Mills Fisher Barnes Knight Butler Barker Fletcher Pearson Dixon Powell Stone Andrews Reynolds Fox
        Walsh Payne Ford Lawrence Burton Harvey Booth Hudson Brooks Graham Saunders Stewart Rose Day Murray Hart
        Cole West Matthews Berry Gibson Dean Bradley Holt O'Brien O'Connor McCarthy Byrne Doyle Campbell MacDonald
        Reid Ross Fraser Hamilton Ferguson Cameron Grant Armstrong Atkinson Bates Bird Bishop Bolton Bond Bowen
        Bryant Burgess Burns Carr Coleman Cross Cunningham Curtis Dawson Douglas Duncan Dunn Fowler Francis Gardner
        George Gilbert Goodwin Gregory Hammond Hardy Harper Hawkins Henderson Hewitt Higgins Hodgson Hopkins Howard
        Howe Hutchinson Ingram Jennings Johnston Kennedy Kent Lambert Lane Lowe Marsh Nelson Newman Newton Nicholson
        Norman Osborne Owen Parsons Pearce Perkins Perry Poole Porter Potter Reeves Rhodes Rice Robertson Rowe Ryan
        Sharp Sharpe Spencer Stephens Stephenson Stokes Sutton Sykes Tucker Wallace Warren Waters Weaver Wells
        Wheeler Winter Woods Yates Bradshaw Cartwright Crawford Greenwood Haigh Lister Ackroyd Sutcliffe Barraclough
        Hainsworth Holroyd Naylor Priestley Smith-Jones Taylor-Reid
    """),
    "south_asian": _words("""
        Khan Hussain Ahmed Ali Begum Patel Singh Kaur Shah Mahmood Akhtar Bibi Malik Iqbal Mirza Rahman Chowdhury
        Miah Uddin Islam Sharma Gupta Kumar Reddy Desai Mehta Joshi Rao Nair Das Sheikh Qureshi Butt Siddiqui Aslam
        Javed Hassan Rashid Yousaf Zaman Chaudhry Bhatti Raja Rafiq Saleem Nawaz Parveen Khatun Hossain Haque Gill
        Sandhu Dhillon Grewal Bains Verma Agarwal Banerjee Mukherjee Pillai Menon Perera Fernando Gurung
    """),
    "black": _words("""
        Mensah Owusu Boateng Okafor Adeyemi Okoro Balogun Campbell Clarke Williams Brown Morgan Bailey Nwosu Eze
        Diallo Kamara Sesay Abdi Mohamed Hassan Osei Asante Appiah Nkrumah Joseph Charles Francis Gordon Grant
        Agyeman Amoah Antwi Bangura Conteh Koroma Okonkwo Ogunleye Adebayo Oladipo Ibrahim Osman Farah Warsame
        Ndlovu Moyo Ncube Dube Tesfaye Bekele Henry Thomas Edwards Samuels
    """),
    "other": _words("""
        Nowak Kowalski Wiśniewski Wójcik Lewandowski Popescu Ionescu Silva Santos Pereira García Rodríguez Müller
        Schmidt Rossi Ferrari Nguyen Tran Chen Wang Li Zhang Wong Chan Yilmaz Demir Haddad Hosseini Cohen Petrov
        Kamiński Zieliński Dąbrowski Kaźmierczak Horváth Nagy Novák Dumitru Radu Costa Ferreira Fernández López
        Bianchi Schneider Ivanov Kovalenko Shevchenko Pham Liu Yang Huang Cheung Lam Tanaka Kim Park Kaya Çelik
        Khalil Mansour Levy
    """),
}
FORENAMES: dict[tuple[str, str], list[str]] = {
    ("british", "F"): _words("""
        Margaret Susan Mary Patricia Jean Christine Elizabeth Linda Barbara Jacqueline Sarah Julie Karen Emma Laura
        Rebecca Charlotte Hannah Jessica Emily Olivia Amelia Sophie Chloe Lucy Katie Amy Rachel Victoria Nicola
        Helen Jane Anne Carol Sandra Deborah Lesley Joan Dorothy Doris Irene Joyce Sheila Maureen Eileen Kathleen
        Alice Grace Ruby Ella Lily Poppy Isabella Freya Evie Millie Daisy Florence Rosie Phoebe Catherine Judith
        Wendy Tracey Sharon Dawn Gillian Pauline Valerie Marion Brenda Hilary Sylvia Vera Edna Hilda Beryl Audrey
        Marjorie Rita Beverley Diane Janet Lorraine Heather Alison Fiona Claire Joanne Lisa Michelle Samantha Kerry
        Zoe Natalie Stacey Gemma Kirsty Leanne Abigail Bethany Megan Molly Eleanor Imogen Matilda Harriet
    """),
    ("british", "M"): _words("""
        John David Michael Peter Robert James William Thomas Richard Christopher Andrew Stephen Paul Mark Anthony
        Kevin Brian Alan Graham Keith Barry Ian Colin Derek Raymond Kenneth Ronald George Arthur Harry Jack Oliver
        Charlie Jacob Alfie Joshua Daniel Matthew Samuel Joseph Benjamin Luke Adam Ryan Liam Nathan Callum Connor
        Jamie Lewis Edward Henry Alexander Simon Philip Martin Gary Neil Stuart Craig Lee Shaun Darren Wayne
        Frederick Albert Ernest Stanley Leonard Roy Dennis Gerald Geoffrey Malcolm Trevor Norman Donald Douglas Eric
        Frank Gordon Harold Roger Terence Nigel Timothy Nicholas Jonathan Duncan Russell Gareth Dean Jason Scott
        Carl Ross Kyle Jake Ben Toby Freddie Archie Theo Leo Noah Max Dylan Rhys Owen Euan
    """),
    ("south_asian", "F"): _words("""
        Fatima Aisha Zainab Maryam Khadija Amina Nasreen Shazia Rukhsana Parveen Samina Nadia Saima Priya Anjali
        Sunita Meena Asha Harpreet Jaspreet Simran Gurpreet Noor Hafsa Sadia Bushra Farah Rabia Iqra Sana Shabana
        Naseem Tahira Yasmeen Razia Deepa Kavita Lakshmi Pooja Rekha Manjit Balwinder Rupinder Inaya Anaya Ayesha
    """),
    ("south_asian", "M"): _words("""
        Mohammed Muhammad Ahmed Ali Hassan Hussain Imran Asif Tariq Shahid Khalid Abdul Usman Bilal Omar Yusuf
        Ibrahim Amir Raj Ravi Sanjay Vijay Amit Harjit Gurdeep Sukhdev Arjun Rahul Kamran Zubair Nadeem Faisal Waqas
        Adnan Rizwan Zahid Anil Sunil Deepak Suresh Ramesh Manpreet Balbir Kuldeep Rohan Zain
    """),
    ("black", "F"): _words("""
        Grace Blessing Comfort Abena Akosua Ama Ngozi Chioma Funmilayo Folake Marcia Beverley Sharon Angela Precious
        Esther Ruth Fatou Aminata Zara Naomi Faith Joy Patience Destiny Adwoa Efua Adaeze Ifeoma Yetunde Hawa Halima
        Ifrah Thandiwe Tendai Makeda Sandra Yvonne Paulette
    """),
    ("black", "M"): _words("""
        Emmanuel Kwame Kofi Kwabena Samuel Daniel David Joshua Chukwu Emeka Tunde Segun Ibrahim Mohamed Abdi Winston
        Delroy Trevor Leroy Errol Isaac Moses Elijah Joseph Marcus Yaw Kojo Chidi Obinna Femi Kunle Babatunde
        Alhassan Abdirahman Hamza Thabo Tinashe Dawit Clive Carlton
    """),
    ("other", "F"): _words("""
        Anna Maria Katarzyna Agnieszka Magdalena Elena Ioana Sofia Lucía Inês Mei Ling Thi Linh Yasmin Leila Fatma
        Ayşe Giulia Chiara Nina Olga Natalia Zofia Hana Małgorzata Ewa Joanna Andreea Beatriz Ana Carmen Petra Irina
        Oksana Yulia Xin Hui Jing Soo-jin Yuki Elif Zeynep Noa Miriam
    """),
    ("other", "M"): _words("""
        Piotr Krzysztof Andrzej Tomasz Marcin Andrei Mihai José João Luis Carlos Wei Jun Minh Duc Mehmet Mustafa
        Reza Ivan Dmitri Marco Luca Jan Pavel Adam Paweł Michał Grzegorz Łukasz Stefan Bogdan Miguel Antonio
        Giovanni Klaus Jürgen Sergei Oleksandr Ming Hao Tuan Kenji Emre Kemal Karim Youssef
    """),
}
SHORT_FORMS = _words("""
    Margaret:Maggie,Peggy,Meg Susan:Sue,Susie Patricia:Pat,Trish Christine:Chris,Chrissy
    Elizabeth:Liz,Beth,Betty,Lizzie Barbara:Barb,Babs Jacqueline:Jackie Sarah:Sally Julie:Jules Karen:Kaz
    Rebecca:Becky,Becca Charlotte:Lottie,Charlie Jessica:Jess Emily:Em Olivia:Liv,Livvy Amelia:Milly Sophie:Soph
    Katie:Kate Rachel:Rach Victoria:Vicky,Tori Nicola:Nicky Helen:Nell Sandra:Sandy Deborah:Debbie,Debs
    Dorothy:Dot,Dolly Kathleen:Kath,Kathy Isabella:Bella,Izzy Florence:Flo Catherine:Cath,Kate,Cathy Judith:Judy
    Tracey:Trace Gillian:Gill Pauline:Paula Valerie:Val Marion:Mari Brenda:Bren Marjorie:Marge Beverley:Bev
    Janet:Jan Lorraine:Lori Alison:Ali Joanne:Jo Michelle:Shell Samantha:Sam Natalie:Nat Abigail:Abby,Gail
    Bethany:Beth Megan:Meg Eleanor:Ellie,Nell Matilda:Tilly Harriet:Hattie Angela:Angie John:Jack,Johnny
    David:Dave,Davey Michael:Mick,Mike Peter:Pete Robert:Bob,Rob,Bobby James:Jim,Jimmy,Jamie William:Bill,Will,Billy
    Thomas:Tom,Tommy Richard:Dick,Rick,Rich Christopher:Chris,Kit Andrew:Andy,Drew Stephen:Steve Anthony:Tony
    Kevin:Kev Raymond:Ray Kenneth:Ken,Kenny Ronald:Ron,Ronnie Arthur:Art Harry:Harold Oliver:Ollie Joshua:Josh
    Daniel:Dan,Danny Matthew:Matt Samuel:Sam,Sammy Joseph:Joe Benjamin:Ben Nathan:Nate Edward:Ted,Ed,Eddie
    Henry:Harry,Hal Alexander:Alex,Sandy,Xander Philip:Phil Martin:Marty Frederick:Fred,Freddie Albert:Bert,Bertie
    Leonard:Len,Lenny Dennis:Den Gerald:Gerry Geoffrey:Geoff Donald:Don Douglas:Doug Harold:Harry Terence:Terry
    Timothy:Tim Nicholas:Nick Jonathan:Jon Duncan:Dunc Gareth:Gaz Darren:Daz Mohammed:Mo,Mohd Muhammad:Mo,Md
    Abdul:Abs Yusuf:Yus Harpreet:Harps Jaspreet:Jas Gurpreet:Gurps Simran:Sim Zainab:Zee Maryam:Mary Khadija:Khadi
    Emmanuel:Manny Babatunde:Tunde Funmilayo:Funmi Ngozi:Goz Katarzyna:Kasia Agnieszka:Aga Magdalena:Magda
    Małgorzata:Gosia Joanna:Asia Krzysztof:Krzysiek Tomasz:Tomek Grzegorz:Grzesiek Piotr:Piotrek José:Pepe
    Giovanni:Gianni Dmitri:Dima Natalia:Tasha Antonio:Toni Mustafa:Musti
""")
NICKNAMES: dict[str, list[str]] = {
    full: shorts.split(",") for full, _, shorts in (entry.partition(":") for entry in SHORT_FORMS)
}
